-- Takes the route's path off what the server is asked for: rewrite to "/".
local rewrite = require("orctl.policy.rewrite")

local _M = {}

_M.rule = { type = "boolean" }
_M.key = "rewrite"

function _M.check(route, report)
  if route.strip_prefix == true and route.rewrite ~= nil then
    report({ "strip_prefix" }, "a route has strip_prefix or rewrite, not both")
  end
end

function _M.compile(_, route, compiled)
  return rewrite.compile("/", route, compiled)
end

return _M
