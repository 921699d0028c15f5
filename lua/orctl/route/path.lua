-- Paths of requests, and those that a server or a client is told instead. Pure.
--
-- `path` is nginx's $uri: decoded, without dot segments and doubled slashes. Routes are matched on
-- it. `raw` is $request_uri, as the client sent it, and what follows a replaced prefix comes from
-- there: %2F and / are two things to a server.
local _M = {}

local byte, char, find, sub = string.byte, string.char, string.find, string.sub

local SLASH, PERCENT, QUERY = 47, 37, 63

local function percent(one)
  return ("%%%02X"):format(byte(one))
end

local function unhex(digits)
  return char(tonumber(digits, 16))
end

--- A decoded path as it is sent: what RFC 3986 does not allow in a path is encoded.
function _M.encode(path)
  if not path:find("[^%w._~!$&'()*+,;=:@/-]") then
    return path
  end
  return (path:gsub("[^%w._~!$&'()*+,;=:@/-]", percent))
end

-- What of a request's target is its path: what comes before any of the characters `ends`.
local function path_of(raw, ends)
  if byte(raw) ~= SLASH then
    raw = raw:gsub("^%a[%w+.-]*://[^/?#]*", "")
  end
  local path = raw:match("^[^" .. (ends or "?#") .. "]*")
  return path == "" and "/" or path
end

--- The path of a request's target with whatever RFC 3986 does not allow there encoded, too.
function _M.clean(raw)
  return (path_of(raw):gsub("[^%w._~!$&'()*+,;=:@/%%-]", percent))
end

-- Decoded text without doubled slashes and dot segments; nil if it climbs out of where it begins.
-- With `stays` that is a climb to where it begins, as at a server's root. What comes before its
-- first slash is the end of a segment.
local function resolved(text, stays)
  local first, rest = text:match("^([^/]*)(.*)$")
  local names, count, open = {}, 0, false
  for name in rest:gmatch("/+([^/]*)") do
    open = name == "" or name == "." or name == ".."
    if name == ".." and count == 0 and not stays then
      return nil
    elseif name == ".." then
      count = math.max(0, count - 1)
    elseif not open then
      count = count + 1
      names[count] = name
    end
  end
  return first .. (count > 0 and "/" .. table.concat(names, "/", 1, count) or "")
    .. (open and "/" or "")
end

-- What of a raw path stands behind the one whose decoded form is `prefix`; nil if the path does not
-- begin with it as it stands.
local function behind(raw, prefix)
  local at, count, last = 1, 0, nil
  while count < #prefix do
    local one, size = byte(raw, at), 1
    if one == PERCENT then
      one, size = tonumber(sub(raw, at + 1, at + 2), 16), 3
    end
    if not (one == SLASH and last == SLASH) then
      count = count + 1
      if one ~= byte(prefix, count) then
        return nil
      end
    end
    at, last = at + size, one
  end
  return sub(raw, at)
end

--- What follows the first `cut` characters of `path`, as it was sent; encoded anew if that would
-- mean another path than the one that was matched.
function _M.rest(path, raw, cut)
  local rest = sub(path, cut + 1)
  local sent = behind(path_of(raw), sub(path, 1, cut))
  if sent and resolved(sent:gsub("%%(%x%x)", unhex), false) == rest then
    return sent, rest
  end
  return _M.encode(rest), rest
end

--- `base` in place of the first `cut` characters of `path`. Nil if that makes a segment `.` or
-- `..`: a prefix that ends within a segment ("/api" of "/api../x") leaves one that nginx never saw.
function _M.moved(base, path, raw, cut)
  local sent, rest = _M.rest(path, raw, cut)
  if byte(sent) == SLASH then
    return (byte(base, -1) == SLASH and sub(base, 1, -2) or base) .. sent
  elseif rest ~= "" and (base .. rest .. "/"):find("/%.%.?[/;\\]") then
    return nil
  end
  return base .. sent
end

--- Length of what is replaced: all of an exact path; of a prefix without its last slash, so that
-- "/a/" and "/b" give "/b/x" and not "/bx".
function _M.cut(route)
  return route.match == "exact" and #route.path or #route.path:gsub("/$", "")
end

--- Whether every server reads the path of this target as nginx does. Runs for every request whose
-- path decides: nothing is made. Decoding and merging make a path shorter; where it ends as long as
-- it was sent, a query or nothing follows.
function _M.is_plain(path, raw)
  local next_byte = byte(raw, #path + 1)
  return (not next_byte or next_byte == QUERY) and sub(raw, 1, #path) == path
    and not find(path, "/.", 1, true) and not find(path, "\\", 1, true)
    and not find(path, ";", 1, true)
end

-- Without doubled slashes and segments that are one dot, which no server takes for anything else.
local function without_nothing(path)
  local count
  path = path:gsub("//+", "/")
  repeat
    path, count = path:gsub("/%./", "/")
  until count == 0
  return (path:gsub("/%.$", "/"))
end

--- The two ends of how servers read a path: one takes %2F for a character of a name and keeps `..`,
-- the other takes \ for a slash, and leaves out what follows a `;` in a name (`..;x`, `admin;x`).
-- For both # is a character like any other: a target has no fragment, and it is sent on.
function _M.readings(raw)
  local path = path_of(raw, "?")
  local literal = path:gsub("%%(%x%x)", function(digits)
    return digits:upper() ~= "2F" and unhex(digits) or nil
  end)
  local liberal = path:gsub("%%(%x%x)", unhex):gsub("\\", "/"):gsub(";[^/]*", "")
  return without_nothing(literal), resolved(liberal, true)
end

return _M
