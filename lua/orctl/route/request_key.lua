-- What of a request names something: the server that `hash` places it at, whom a limit counts, who
-- gets a canary. Pure.
local _M = {}

local plain = { uri = "request_uri", path = "uri", host = "host", client = "remote_addr" }
local prefixes = { header = "http_", cookie = "cookie_", arg = "arg_" }

_M.MAX_LENGTH = 72
_M.HINT = "header:NAME, cookie:NAME, arg:NAME, uri, path, host or client"

--- Whether a text says what names something.
function _M.is_key(text)
  return plain[text] or prefixes[text:match("^(%l+):[%w_-]+$")]
end

--- The variable of nginx that holds the name.
function _M.variable(text)
  local kind, name = text:match("^(%l+):(.+)$")
  if kind == "header" and name:lower() == "host" then
    return plain.host -- as routes see it, whatever way the client writes it
  elseif kind == "header" then
    name = name:lower():gsub("-", "_")
  end
  return kind and prefixes[kind] .. name or plain[text]
end

--- The name of the request whose variables are `var`, held by one of them; nil if it has none.
function _M.of(var, variable)
  local name = var[variable]
  return name and name ~= "" and name or nil
end

return _M
