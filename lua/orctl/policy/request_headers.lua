-- Edits the header of a request on its way to the server.
local edits = require("orctl.route.header_edits")
local header = require("ngx.req")

local _M = {}

local kept = edits.kept("expect forwarded host x-forwarded-for x-forwarded-host x-forwarded-proto "
  .. "x-real-ip")

_M.rule = edits.rule

function _M.check(route, report)
  edits.check(route, "request_headers", kept, report)
end

_M.compile = edits.compile

function _M.rewrite(value)
  local clear, set, add = ngx.req.clear_header, ngx.req.set_header, header.add_header
  for i = 1, #value.remove do
    clear(value.remove[i])
  end
  for i = 1, #value.set do
    set(value.set[i][1], value.set[i][2])
  end
  for i = 1, #value.add do
    add(value.add[i][1], value.add[i][2])
  end
end

return _M
