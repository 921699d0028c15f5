-- Edits the header of an answer on its way to the client.
local edits = require("orctl.route.header_edits")
local response = require("ngx.resp")

local _M = {}

local kept = edits.kept("date server")

_M.rule = edits.rule

function _M.check(route, report)
  edits.check(route, "response_headers", kept, report)
end

_M.compile = edits.compile

function _M.header_filter(value)
  local header, add = ngx.header, response.add_header
  for i = 1, #value.remove do
    header[value.remove[i]] = nil
  end
  for i = 1, #value.set do
    header[value.set[i][1]] = value.set[i][2]
  end
  for i = 1, #value.add do
    add(value.add[i][1], value.add[i][2])
  end
end

return _M
