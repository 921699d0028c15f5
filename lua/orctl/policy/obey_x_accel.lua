-- Lets servers order nginx about, in what the route lists: nginx reads what it obeys from the
-- location that a request is in, so it goes to one of those that nginx.conf has for that.
local fields = require("orctl.route.fields")

local _M = {}

_M.key = "accel" -- name of the location

_M.rule = { type = "array", min_items = 1, max_items = 2,
  items = { type = "string", enum = { buffering = true, ["limit-rate"] = true },
    hint = "\"buffering\" or \"limit-rate\"" } }

function _M.check(route, report)
  local list = {}
  for i, text in ipairs(fields.strings(route.obey_x_accel)) do
    list[i] = { text, { "obey_x_accel", i - 1 } }
  end
  fields.check_names(list, {}, nil, report)
end

function _M.compile(value)
  local list = fields.strings(value)
  return "@orctl_accel_" .. (list[2] and "all" or list[1]:gsub("-", "_"))
end

function _M.rewrite(location)
  ngx.exec(location)
  return true
end

return _M
