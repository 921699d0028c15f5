-- Which requests of a route go to its canary: a share of all, or of the clients, users or whatever
-- else names them, who then all stay with one version while the share grows or shrinks.
local fields = require("orctl.route.fields")
local hash = require("orctl.balancer.hash")
local header_edits = require("orctl.route.header_edits")
local request_key = require("orctl.route.request_key")

local _M = {}

local fraction = hash.fraction
local random = math.random
local var = ngx.var

_M.rule = { type = "object", fields = {
  upstream = { type = "string", required = true, pattern = fields.upstream_name.pattern,
    max_length = fields.upstream_name.max_length, hint = fields.upstream_name.hint },
  percent = { type = "integer", required = true, min = 0, max = 100 },
  by = { type = "string", max_length = request_key.MAX_LENGTH, check = request_key.is_key,
    hint = request_key.HINT },
} }

--- The member that names an upstream of the document.
_M.upstream = "upstream"

-- The request's edits come before the canary is decided: a name must not be one of them.
function _M.check(route, report)
  local value = fields.is_object(route.canary) and route.canary or {}
  if type(value.upstream) == "string" and value.upstream == route.upstream then
    report({ "canary", "upstream" }, "the canary is the route's own upstream")
  end
  local kind, name = tostring(value.by):match("^(%l+):(.+)$")
  local header = kind == "cookie" and "cookie" or kind == "header" and name:lower()
  for _, one in ipairs(header and header_edits.names(route.request_headers) or {}) do
    if one:lower() == header then
      report({ "canary", "by" }, "request_headers of the same route edit %s, which names users "
        .. "here", one)
    end
  end
end

function _M.compile(value)
  return { upstream = value.upstream, share = value.percent / 100,
    variable = value.by and request_key.variable(value.by) or nil }
end

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
