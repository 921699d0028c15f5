-- Paths that a server or a client is told instead of the one that was asked for. Pure.
local _M = {}

local byte, format, sub = string.byte, string.format, string.sub

local SLASH = 47

local function percent(char)
  return format("%%%02X", byte(char))
end

--- A decoded path as it is sent: what RFC 3986 does not allow in a path is encoded.
function _M.encode(path)
  if not path:find("[^%w._~!$&'()*+,;=:@/-]") then
    return path
  end
  return (path:gsub("[^%w._~!$&'()*+,;=:@/-]", percent))
end

-- `base` with the rest of a path behind it. Nil if that makes a segment `.` or `..`: a prefix that
-- ends within a segment ("/api" of "/api../x") leaves one that nginx never saw.
local function join(base, rest)
  -- with merge_slashes off a path may have several, and "//host" would be another host's
  while byte(rest) == SLASH and byte(rest, 2) == SLASH do
    rest = sub(rest, 2)
  end
  if byte(rest) == SLASH then
    return (byte(base, -1) == SLASH and sub(base, 1, -2) or base) .. rest
  end
  local path = base .. rest
  if rest ~= "" and (path .. "/"):find("/%.%.?/") then
    return nil
  end
  return path
end

--- `base` with what follows the first `cut` characters of `path`, which is nginx's $uri: decoded,
-- without dot segments and doubled slashes. Nil if the path would climb out of the route's.
function _M.moved(base, path, cut)
  return join(base, _M.encode(sub(path, cut + 1)))
end

--- Length of what is replaced: all of an exact path; of a prefix without its last slash, so that
-- "/a/" and "/b" give "/b/x" and not "/bx".
function _M.cut(route)
  return route.match == "exact" and #route.path or #route.path:gsub("/$", "")
end

return _M
