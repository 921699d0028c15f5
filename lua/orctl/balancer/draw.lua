-- Draws peers at random, by weight; what `random` and `ewma` choose between. Pure.
local _M = {}
local methods = { __index = _M }

local floor = math.floor

-- A draw that must not be is drawn again. When so little is left that this fails, all are looked
-- at.
local ATTEMPTS = 8

--- An urn of peers {key = …, weight = …}; `random` gives numbers from 0 up to, not including, 1.
function _M.new(peers, random)
  local sums, total = {}, 0
  for i, peer in ipairs(peers) do
    total = total + peer.weight
    sums[i] = total
  end
  return setmetatable({ peers = peers, sums = sums, total = total, random = random }, methods)
end

-- The peer in whose part of the sum of all weights `x` lies.
local function at(self, x)
  local sums = self.sums
  local low, high = 1, #sums
  while low < high do
    local middle = floor((low + high) / 2)
    if x < sums[middle] then
      high = middle
    else
      low = middle + 1
    end
  end
  return self.peers[low]
end

-- One pass that holds each peer it meets with the chance of its weight in the sum so far.
local function look_at_all(self, out, other)
  local sum, found = 0, nil
  for _, peer in ipairs(self.peers) do
    if peer ~= other and not (out and out[peer.key]) then
      local weight = peer.weight * (peer.ramp or 1)
      sum = sum + weight
      if self.random() * sum < weight then
        found = peer
      end
    end
  end
  return found
end

--- A peer that is neither `other` nor in the set of keys `out`; nil if there is none.
function _M:one(out, other)
  local peers, random = self.peers, self.random
  if #peers < 2 then
    local only = peers[1]
    return only and only ~= other and not (out and out[only.key]) and only or nil
  end
  for _ = 1, ATTEMPTS do
    local peer = at(self, random() * self.total)
    local ramp = peer.ramp
    if peer ~= other and not (out and out[peer.key]) and not (ramp and random() >= ramp) then
      return peer
    end
  end
  return look_at_all(self, out, other)
end

return _M
