-- Smooth weighted round robin. Pure.
--
-- Server i is due for the k-th time (from 0) at (k + 1/2) / weight_i, and the server that is due
-- first is next, the earlier in the list on a tie. Over the sum of the weights every server gets
-- its weight exactly, and its turns lie as evenly apart as they can.
--
-- The due times are kept in a heap. The turns it gives repeat after the sum of the weights over
-- their greatest common divisor, so they are written down once, in a ring: a pick is then one step
-- without a loop, which the compiler turns into a handful of instructions. Weights whose ring
-- would be too long are served from the heap, in O(log n).
--
-- A due time is computed from an integer count each time and never added up, so that equal
-- weights tie exactly and stay a plain rotation for ever.
--
-- A peer that starts slowly keeps its turns and gives a part of them away: whoever is next then
-- takes its own turn early, so the others share what is given in proportion to their weights.
local slow_start = require("orctl.balancer.slow_start")
local step = require("orctl.lib.pace").step

local _M = {}
local methods = { __index = _M }

-- Beyond this much virtual time all entries start anew from zero, for the precision of a double.
local HORIZON = 2 ^ 30

local LONGEST_RING = 4096
local LOOK_AHEAD = 16

local function due(entry)
  return entry.base + (entry.count + 0.5) / entry.weight
end

local function before(a, b)
  return a.due < b.due or (a.due == b.due and a.order < b.order)
end

local function sift_down(heap, i)
  local size, entry = #heap, heap[i]
  while true do
    local child = 2 * i
    if child > size then break end
    if child < size and before(heap[child + 1], heap[child]) then
      child = child + 1
    end
    if not before(heap[child], entry) then break end
    heap[i] = heap[child]
    i = child
  end
  heap[i] = entry
end

local function heapify(heap)
  for i = math.floor(#heap / 2), 1, -1 do
    step()
    sift_down(heap, i)
  end
end

local function take(self, i)
  local heap = self.heap
  local entry = heap[i]
  self.now = entry.due
  entry.count = entry.count + 1
  entry.due = due(entry)
  sift_down(heap, i)
  if self.now > HORIZON then
    for _, other in ipairs(heap) do
      other.base, other.count = other.due - self.now - 0.5 / other.weight, 0
      other.due = due(other)
    end
    self.now = 0
  end
  return entry.peer
end

local function gcd(a, b)
  while b > 0 do
    a, b = b, a % b
  end
  return a
end

-- Length of the ring for these peers; nil if it would be too long.
local function ring_length(heap)
  local sum, divisor = 0, 0
  for _, entry in ipairs(heap) do
    step(0.3)
    sum, divisor = sum + entry.weight, gcd(entry.weight, divisor)
  end
  local length = sum > 0 and sum / divisor
  return length and length <= LONGEST_RING and length or nil
end

-- A heap with copies of the entries, from zero or from where they are.
local function copy(self, from_zero)
  local heap = {}
  for i, entry in ipairs(self.heap) do
    local twin = { peer = entry.peer, weight = entry.weight, order = entry.order,
      base = from_zero and 0 or entry.base, count = from_zero and 0 or entry.count }
    twin.due = due(twin)
    heap[i] = twin
  end
  heapify(heap)
  return { heap = heap, now = from_zero and 0 or self.now }
end

local function turns_of(rotation, n)
  local list = {}
  for i = 1, n do
    list[i] = take(rotation, 1)
  end
  return list
end

-- The ring holds the turns from zero: only there does one round give every server its weight
-- exactly. From where the heap is after a change of weights, one round may give a server a turn too
-- many and another none, and a ring would repeat that for ever. So the heap only says where in the
-- ring to begin: where the next turns agree longest.
local function write_ring(self)
  local length = self.ring_length
  local ring = turns_of(copy(self, true), length)
  local ahead = turns_of(copy(self), math.min(length, LOOK_AHEAD))
  local best, start = -1, 0
  for offset = 0, length - 1 do
    local agreed = 0
    while agreed < #ahead and ring[(offset + agreed) % length + 1] == ahead[agreed + 1] do
      agreed = agreed + 1
    end
    if agreed > best then
      best, start = agreed, offset
    end
  end
  self.ring, self.at, self.start = ring, start, start
  return ring
end

--- A balancer over peers {key = …, weight = …}; `options.turns` picks are taken in advance.
function _M.new(peers, options)
  local self = setmetatable({ heap = {}, now = 0, at = 0, start = 0 }, methods)
  self:sync(peers)
  for _ = 1, #peers > 0 and options and options.turns or 0 do
    take(self, 1)
  end
  return self
end

--- Takes over a new list of peers. Whoever was there before keeps the place in the rotation; with
-- a new weight, its remaining wait is stretched by the same factor as its interval.
function _M:sync(peers)
  for _ = 1, self.ring and (self.at - self.start) % #self.ring or 0 do
    step()
    take(self, 1) -- brings the heap to where the ring is
  end
  local old = {}
  for _, entry in ipairs(self.heap) do
    old[entry.peer.key] = entry
  end
  local now, heap = self.now, {}
  for order, peer in ipairs(peers) do
    step()
    local entry = { peer = peer, weight = peer.weight, order = order, base = now, count = 0 }
    local known = old[peer.key]
    if known and known.weight == peer.weight then
      entry.base, entry.count = known.base, known.count
    elseif known then
      entry.base = now + ((known.due - now) * known.weight - 0.5) / peer.weight
    end
    entry.due = due(entry)
    heap[order] = entry
  end
  heapify(heap)
  self.heap, self.ring, self.ring_length = heap, nil, ring_length(heap)
end

-- Servers that are left out lose the turns that lie before the next one that is not.
local function pick_other(self, out)
  local ring, heap = self.ring, self.heap
  for i = 1, ring and #ring or 0 do
    local at = (self.at + i - 1) % #ring + 1
    if not out[ring[at].key] then
      self.at = at
      return ring[at]
    end
  end
  if ring then
    return nil
  end
  local first
  for i = 1, #heap do
    if not out[heap[i].peer.key] and (not first or before(heap[i], heap[first])) then
      first = i
    end
  end
  return first and take(self, first)
end

local function copy_set(set)
  local twin = {}
  for key in pairs(set or {}) do twin[key] = true end
  return twin
end

-- `peer` starts slowly: it, or another in its turn. With nothing but such peers, turns go round
-- until one has saved up for its own.
local function share_turn(self, peer, out)
  local left = copy_set(out)
  while not slow_start.admits(peer) do
    left[peer.key] = true
    peer = pick_other(self, left)
    if not peer then
      left = copy_set(out)
      peer = pick_other(self, left)
    end
  end
  return peer
end

--- Next peer; nil if there is none. `out` is a set of keys to leave out, or nil.
function _M:pick(out)
  local ring = self.ring or self.ring_length and write_ring(self)
  local peer
  if out then
    peer = pick_other(self, out)
  elseif ring then
    local at = self.at + 1
    if at > #ring then
      at = 1
    end
    self.at = at
    peer = ring[at]
  else
    peer = self.heap[1] and take(self, 1)
  end
  if peer and peer.ramp then
    return share_turn(self, peer, out)
  end
  return peer
end

--- Called when a request has ended. Turns do not depend on it.
function _M.done() end

return _M
