-- Clients of one network go to the same peer: `hash` over the first three octets of an IPv4
-- address, or the whole IPv6 address, as nginx's ip_hash takes them. Pure.
local hash = require("orctl.balancer.hash")

local _M = { sync = hash.sync, done = hash.done }
local methods = { __index = _M }

local OCTETS = 4

--- A balancer over peers {key = …, weight = …}.
function _M.new(peers)
  return setmetatable(hash.new(peers), methods)
end

--- The peer for a client's address, in its 4 or 16 bytes; nil if there is none. `out` is a set of
-- keys of peers to leave out, or nil.
function _M:pick(out, address)
  return hash.pick(self, out, #address == OCTETS and address:sub(1, 3) or address)
end

return _M
