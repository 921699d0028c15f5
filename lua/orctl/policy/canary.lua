-- Which requests of a route go to its canary: a share of all, or of the clients, users or whatever
-- else names them, who then all stay with one version while the share grows or shrinks.
local hash = require("orctl.balancer.hash")
local request_key = require("orctl.route.request_key")

local _M = {}

local fraction = hash.fraction
local random = math.random
local var = ngx.var

--- Whether a name belongs to a share (from 0 to 1) of all; who is in a share is in every larger
-- one. `salt` makes the first ones others for each canary. Pure.
function _M.includes(share, salt, name)
  return fraction(salt .. name) < share
end

--- Whether the current request goes to `canary`, {upstream, share, variable}. Without a variable
-- this is drawn for each request; one that has no such name is named by its client's address.
function _M.takes(canary)
  local variable = canary.variable
  if variable then
    return _M.includes(canary.share, canary.upstream,
      request_key.of(var, variable) or var.remote_addr)
  end
  return random() < canary.share
end

return _M
