-- The peer with the fewest requests in flight for its weight. Pure.
--
-- What is in flight changes in other workers without a word to this one, so no order could be
-- kept: a pick looks at every peer, which takes about 10 ns for each.
--
-- Peers with equal load take turns by weight: an idle upstream is then served as by round robin,
-- and not by its first server alone. A peer's turn is a point in virtual time; it moves on
-- by 1 / weight with each pick. A peer that was busy for long does not catch up on the turns
-- it missed.
local step = require("orctl.lib.pace").step

local _M = {}
local methods = { __index = _M }

-- Beyond this much virtual time all turns are set back, for the precision of a double.
local HORIZON = 2 ^ 30

local function take(self, entry, weight)
  local turn = entry.turn
  if turn < self.now then
    turn = self.now
  end
  self.now = turn
  entry.turn = turn + 1 / weight
  if turn > HORIZON then
    for _, other in ipairs(self.entries) do
      other.turn = math.max(other.turn - turn, 0)
    end
    self.now = 0
  end
  return entry.peer
end

-- The next turn without regard to what is in flight.
local function advance(self)
  local first
  for _, entry in ipairs(self.entries) do
    if not first or entry.turn < first.turn then
      first = entry
    end
  end
  take(self, first, first.peer.weight)
end

--- A balancer over peers {key = …, weight = …}. `options.gauge(peers)` gives a function that gives
-- the requests each of them works on, in an array from 0; `options.turns` picks are taken in
-- advance.
function _M.new(peers, options)
  local self = setmetatable({ entries = {}, now = 0, gauge = options.gauge }, methods)
  self:sync(peers)
  for _ = 1, #peers > 0 and options.turns or 0 do
    step(#peers / 40)
    advance(self)
  end
  return self
end

--- Takes over a new list of peers. Whoever was there before keeps its turn; with a new weight, its
-- remaining wait is stretched by the same factor as its interval.
function _M:sync(peers)
  local old, entries = {}, {}
  for _, entry in ipairs(self.entries) do
    old[entry.peer.key] = entry
  end
  for i, peer in ipairs(peers) do
    step()
    local known, turn = old[peer.key], self.now + 0.5 / peer.weight
    if known and known.weight == peer.weight then
      turn = known.turn
    elseif known then
      turn = self.now + math.max(known.turn - self.now, 0) * known.weight / peer.weight
    end
    entries[i] = { peer = peer, weight = peer.weight, turn = turn }
  end
  self.entries, self.in_flight = entries, self.gauge(peers)
end

--- A peer; nil if there is none. `out` is a set of keys to leave out, or nil.
function _M:pick(out)
  local entries, in_flight = self.entries, self.in_flight()
  local best, best_load, best_turn, best_weight
  for i = 1, #entries do
    local entry = entries[i]
    local peer = entry.peer
    if not (out and out[peer.key]) then
      local weight = entry.weight * (peer.ramp or 1)
      local load = in_flight[i - 1] / weight
      if not best or load < best_load or (load == best_load and entry.turn < best_turn) then
        best, best_load, best_turn, best_weight = entry, load, entry.turn, weight
      end
    end
  end
  return best and take(self, best, best_weight)
end

--- Called when a request has ended. What is in flight is counted elsewhere.
function _M.done() end

return _M
