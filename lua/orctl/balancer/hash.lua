-- The same key goes to the same peer, in every worker, at every start, on every host. Pure.
--
-- Keys fall into slots, and a slot goes to the peer that wins its draw: each peer draws a number
-- made of the slot and its own address, stretched by its weight (weighted rendezvous). So a peer
-- that leaves gives up its own slots and moves no other, one that comes wins its share from all,
-- and a new weight moves only what it must.
--
-- The winner of a slot is found when the first request asks for it, with one look at every peer,
-- and noted. A pick is then one hash of the key; an update costs nothing until requests come.
local bit = require("bit")
local ffi = require("ffi")
local step = require("orctl.lib.pace").step

local _M = {}
local methods = { __index = _M }

local band, bxor, lshift, rshift, tobit = bit.band, bit.bxor, bit.lshift, bit.rshift, bit.tobit
local byte = string.byte
local log = math.log

-- Enough for a share that is right within 2 % for ten equal peers; 64 KB for each worker.
local SLOTS = 32768
local winners_type = ffi.typeof("uint16_t[?]")

-- Product modulo 2^32, in halves: a double is exact only below 2^53.
local function multiply(a, b)
  return tobit(tobit(band(a, 0xffff) * b) + lshift(tobit(rshift(a, 16) * b), 16))
end

-- A number of 32 bits in which every bit depends on every bit of `h`: MurmurHash3 ends like this.
local function mix(h)
  h = multiply(bxor(h, rshift(h, 16)), 0x85ebca6b)
  h = multiply(bxor(h, rshift(h, 13)), 0xc2b2ae35)
  return bxor(h, rshift(h, 16))
end

-- FNV-1a, mixed. Its prime is 2^24 + 0x193.
local function hash(text)
  local h = 0x811c9dc5
  for i = 1, #text do
    h = bxor(h, byte(text, i))
    h = tobit(lshift(h, 24) + h * 0x193)
  end
  return mix(h)
end

-- Above 0 and below 1.
local function fraction(h)
  return (h + 2147483648.5) / 4294967296
end

--- Number above 0 and below 1 that a text has in every worker, on every host.
function _M.fraction(text)
  return fraction(hash(text))
end

-- Number of the peer that wins the slot, of those not in `out`; 0 if there is none. The number
-- drawn is exponential with the weight as its rate, and the least wins.
local function draw(self, slot, out)
  local peers, seeds = self.peers, self.seeds
  local best, best_drawn = 0, math.huge
  local mixed = mix(slot + 1)
  for i = 1, #peers do
    local peer = peers[i]
    if not (out and out[peer.key]) then
      local drawn = -log(fraction(mix(bxor(mixed, seeds[i])))) / peer.weight
      if drawn < best_drawn then
        best, best_drawn = i, drawn
      end
    end
  end
  return best
end

--- A balancer over peers {key = …, weight = …}.
function _M.new(peers)
  local self = setmetatable({}, methods)
  self:sync(peers)
  return self
end

local function same(a, b)
  for i = 1, math.max(#a, #b) do
    if not a[i] or not b[i] or a[i].key ~= b[i].key or a[i].weight ~= b[i].weight then
      return false
    end
  end
  return true
end

--- Takes over a new list of peers. Winners follow from keys and weights alone: of the old list
-- nothing needs to be remembered but what has been looked up.
function _M:sync(peers)
  if not self.peers or not same(peers, self.peers) then
    local seeds = {}
    for i, peer in ipairs(peers) do
      step()
      seeds[i] = hash(peer.key)
    end
    self.seeds, self.winners = seeds, nil
  end
  self.peers = peers
end

-- A peer that starts slowly has some of its keys already: each comes to it once, and stays.
local function waits(peer, h)
  return peer.ramp and fraction(mix(h + 1)) >= peer.ramp
end

-- As pick(), where the winner of the slot cannot be had.
local function pick_other(self, out, h, slot)
  local left = {}
  for name in pairs(out or {}) do left[name] = true end
  local first
  while true do
    local peer = self.peers[draw(self, slot, left)]
    if not peer then
      return first
    elseif not waits(peer, h) then
      return peer
    end
    first = first or peer
    left[peer.key] = true
  end
end

--- The peer of `key`, a string; nil if there is none. `out` is a set of keys of peers to leave out,
-- or nil: then the key goes where it would go without them.
function _M:pick(out, key)
  local winners = self.winners
  if not winners then
    winners = winners_type(SLOTS)
    self.winners = winners
  end
  local h = hash(key)
  local slot = band(h, SLOTS - 1)
  local i = winners[slot]
  if i == 0 then
    i = draw(self, slot)
    winners[slot] = i
  end
  local peer = self.peers[i]
  if peer and not (out and out[peer.key]) and not waits(peer, h) then
    return peer
  end
  return peer and pick_other(self, out, h, slot)
end

--- Called when a request has ended. Keys do not depend on it.
function _M.done() end

return _M
