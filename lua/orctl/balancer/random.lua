-- Two random peers, and of them the one with fewer requests in flight for its weight. Pure.
--
-- Nearly as even as asking all, at a cost that does not grow with their number, and without the
-- rush of all workers to the one that was idle a moment ago.
local draw = require("orctl.balancer.draw")

local _M = {}
local methods = { __index = _M }

local function weight(peer)
  return peer.weight * (peer.ramp or 1)
end

--- A balancer over peers {key = …, weight = …}. `options.random` gives numbers from 0 up to 1,
-- `options.in_flight(peer)` the requests that a peer works on.
function _M.new(peers, options)
  local self = setmetatable({ random = options.random, in_flight = options.in_flight }, methods)
  self:sync(peers)
  return self
end

--- Takes over a new list of peers. Nothing is remembered of the old one: what is in flight is
-- counted elsewhere.
function _M:sync(peers)
  self.urn = draw.new(peers, self.random)
end

--- A peer; nil if there is none. `out` is a set of keys to leave out, or nil.
function _M:pick(out)
  local urn, in_flight = self.urn, self.in_flight
  local a = urn:one(out)
  local b = a and urn:one(out, a)
  if b and in_flight(b) * weight(a) < in_flight(a) * weight(b) then
    return b
  end
  return a
end

--- Called when a request has ended. Draws do not depend on it.
function _M.done() end

return _M
