-- Of two random peers the one that is likely to answer sooner. Pure.
--
-- The estimate is an average of the latency in which an answer counts less the older it is. A
-- slower answer replaces it at once, a quicker one lowers it bit by bit. Times what is in flight,
-- over the weight, it is what one more request would wait for. A peer that is not asked is forgiven
-- with time, or one bad answer would keep it from ever showing that it has got well.
local draw = require("orctl.balancer.draw")
local step = require("orctl.lib.pace").step

local _M = {}
local methods = { __index = _M }

local exp, max, min = math.exp, math.max, math.min

local DECAY = 10        -- seconds in which an estimate falls to 1 / e
local FAILED = 1        -- a failure is often quick; it doubles the estimate, to this at least
local MOST = 60         -- and to this at most
local UNKNOWN = 0.0001  -- the least estimate: even the quickest must feel what is in flight

local function estimate(entry, now)
  return max(entry.seconds * exp((entry.at - now) / DECAY), UNKNOWN)
end

local function average(entries, now)
  local sum, count = 0, 0
  for _, entry in pairs(entries) do
    sum, count = sum + estimate(entry, now), count + 1
  end
  return count > 0 and sum / count or UNKNOWN
end

--- A balancer over peers {key = …, weight = …}. `options.now()` gives seconds, `options.random()`
-- numbers from 0 up to 1, `options.in_flight(peer)` the requests that a peer works on.
function _M.new(peers, options)
  local self = setmetatable({ entries = {}, now = options.now, random = options.random,
    in_flight = options.in_flight }, methods)
  self:sync(peers)
  return self
end

--- Takes over a new list of peers. Whoever was there before keeps its estimate; a new one starts
-- with the average, as the quickest of all would be stormed.
function _M:sync(peers)
  local now, entries = self.now(), {}
  local fresh = average(self.entries, now)
  for _, peer in ipairs(peers) do
    step()
    entries[peer.key] = self.entries[peer.key] or { seconds = fresh, at = now }
  end
  self.entries, self.urn = entries, draw.new(peers, self.random)
end

local function wait(self, peer, now)
  return estimate(self.entries[peer.key], now) * (self.in_flight(peer) + 1)
    / (peer.weight * (peer.ramp or 1))
end

--- A peer; nil if there is none. `out` is a set of keys to leave out, or nil.
function _M:pick(out)
  local urn = self.urn
  local a = urn:one(out)
  local b = a and urn:one(out, a)
  if not b then
    return a
  end
  local now = self.now()
  return wait(self, b, now) < wait(self, a, now) and b or a
end

--- A peer has answered after `seconds`; nil if it has failed.
function _M:done(peer, seconds)
  local entry = self.entries[peer.key]
  if not entry then
    return -- it has left while it worked
  end
  local now = self.now()
  local part = exp((entry.at - now) / DECAY)
  local before = entry.seconds * part
  if not seconds then
    seconds = min(max(2 * before, FAILED), MOST)
  end
  entry.seconds = seconds > before and seconds or before + seconds * (1 - part)
  entry.at = now
end

return _M
