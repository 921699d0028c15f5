-- Asks the server for another path in place of the route's.
local fields = require("orctl.route.fields")
local paths = require("orctl.route.path")
local refuse = require("orctl.lib.refuse")

local _M = {}

local var = ngx.var

_M.rule = { type = "string", pattern = fields.PLAIN_PATH, max_length = 1024,
  hint = "a path that begins with /, of letters, digits and ._~!$&'()*+,;=:@/-" }

function _M.check(route, report)
  if type(route.rewrite) == "string" and fields.has_dots((route.rewrite:gsub("%?.*", ""))) then
    report({ "rewrite" }, "a path here must not hold . or .. as a segment")
  end
end

function _M.compile(value, route, compiled)
  compiled.cut = paths.cut(route)
  return value
end

--- Path and query that the server is asked for; nil if the path would climb out of the route's.
function _M.target(route, path, raw, args)
  local joined = paths.moved(route.rewrite, path, raw, route.cut)
  return joined and args and args ~= "" and joined .. "?" .. args or joined
end

function _M.rewrite(_, route)
  local target = _M.target(route, var.uri, var.request_uri, var.args)
  if not target then
    return refuse(404)
  end
  var.orctl_uri = target
end

return _M
