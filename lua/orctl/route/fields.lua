-- Pieces of the rules of a route and its policies, and looks at values that no rule has passed yet.
-- Pure.
local json = require("orctl.lib.json")

local _M = {}

--- Characters of a path that a server is asked for, and a token of RFC 9110.
_M.PLAIN_PATH = "^/[%w._~!$&'()*+,;=:@/-]*$"
_M.TOKEN = "^[%w!#$%%&'*+.^_`|~-]+$"

--- The words of a text as a set.
function _M.names(text)
  local set = {}
  for name in text:gmatch("%S+") do set[name] = true end
  return set
end

--- Whether a text is a host name, or `*.` and one; labels may hold `_`, and no label begins or ends
-- with `-`.
function _M.is_host(text)
  local rest = text:gsub("^%*%.", "") .. "."
  for label in rest:gmatch("([^.]*)%.") do
    if not label:find("^[%w_][%w_-]*$") or label:find("-$") then
      return false
    end
  end
  return true
end

--- Whether a segment of the path is `.` or `..`, which a server would resolve.
function _M.has_dots(path)
  path = path .. "/"
  return path:find("/./", 1, true) or path:find("/../", 1, true)
end

_M.duration = { type = "string", duration = true, max_length = 9,
  hint = "a number above 0 and a unit: ms, s, m or h, such as \"500ms\"" }
_M.host = { type = "string", max_length = 253, check = _M.is_host,
  hint = "a host name, or `*.` and a host name for all its subdomains; no port" }
_M.header_name = { type = "string", pattern = _M.TOKEN, max_length = 128,
  hint = "a header's name (RFC 9110: letters, digits and !#$%&'*+-.^_`|~)" }
_M.header_value = { type = "string", max_length = 4096,
  check = function(text)
    return text:find("^[ -~]+$") and not text:find("^ ") and not text:find(" $")
  end,
  hint = "a header's value: printable ASCII that neither begins nor ends with a blank" }
_M.upstream_name = { type = "string", pattern = "^[a-z][a-z0-9_-]*$", max_length = 64,
  hint = "a lower-case letter, then up to 63 of a-z, 0-9, _ and -" }

function _M.is_object(value)
  return json.type(value) == "object"
end

--- The strings of a list; "" for whatever else stands there.
function _M.strings(value)
  local list = {}
  for i, text in ipairs(json.type(value) == "array" and value or {}) do
    list[i] = type(text) == "string" and text or ""
  end
  return list
end

--- Members {name, value} of an object; one that was empty holds a mark and nothing else.
function _M.members(value)
  local list = {}
  for name, one in pairs(_M.is_object(value) and value or {}) do
    if name ~= "" then list[#list + 1] = { name, one } end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

--- Names {name, path} that occur twice in any case, and the ones that are not the user's to write.
function _M.check_names(list, seen, kept, report)
  for _, one in ipairs(list) do
    local name = one[1]:lower()
    if name ~= "" and seen[name] then
      report(one[2], "%s is named twice", one[1])
    elseif kept and kept[name] then
      report(one[2], "%s is written by the gateway, or belongs to one connection", one[1])
    end
    seen[name] = true
  end
end

return _M
