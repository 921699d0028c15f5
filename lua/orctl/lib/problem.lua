-- Errors as problem documents (RFC 9457).
local json = require("orctl.lib.json")

local _M = {}

local titles = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
  [405] = "Method Not Allowed",
  [408] = "Request Timeout", [409] = "Conflict",
  [412] = "Precondition Failed", [413] = "Content Too Large",
  [414] = "URI Too Long", [415] = "Unsupported Media Type", [421] = "Misdirected Request",
  [429] = "Too Many Requests",
  [422] = "Unprocessable Content", [431] = "Request Header Fields Too Large",
  [500] = "Internal Server Error", [502] = "Bad Gateway",
  [503] = "Service Unavailable", [504] = "Gateway Timeout", [507] = "Insufficient Storage",
}

--- Answers the current request with a problem. `more` may hold pointer and errors.
function _M.send(status, detail, more)
  local body = { type = "about:blank", title = titles[status], status = status, detail = detail }
  for name, value in pairs(more or {}) do
    body[name] = value
  end
  local text = json.encode(body) .. "\n"
  ngx.status = status
  ngx.header["Content-Type"] = "application/problem+json"
  ngx.header["Content-Length"] = #text
  ngx.print(text)
  return ngx.exit(ngx.OK)
end

return _M
