-- Server addresses: IPv4 or [IPv6] literals with a port. Pure.
local _M = {}

local concat = table.concat

local function octets(a, b, c, d)
  for _, octet in ipairs({ a, b, c, d }) do
    if #octet > 3 or tonumber(octet) > 255 or octet:find("^0.") then
      return false
    end
  end
  return true
end

-- The groups of a part of an IPv6 address that has no `::`; nil if it is none.
local function groups(text)
  local list = {}
  if text == "" then
    return list
  end
  for group in (text .. ":"):gmatch("([^:]*):") do
    if not group:find("^%x%x?%x?%x?$") then
      return nil
    end
    list[#list + 1] = ("%x"):format(tonumber(group, 16))
  end
  return list
end

-- All eight groups, so that two spellings of one IPv6 address are equal.
local function expand(text)
  local head, a, b, c, d = text:match("^(.*:)(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if head then
    if not octets(a, b, c, d) then
      return nil
    end
    text = ("%s%x:%x"):format(head, a * 256 + b, c * 256 + d)
  end
  local left, right = text:match("^(.-)::(.*)$")
  local first, last = groups(left or text), groups(right or "")
  if not first or not last or (left and #first + #last > 7) or (not left and #first ~= 8) then
    return nil
  end
  for _ = #first + #last + 1, 8 do
    first[#first + 1] = "0"
  end
  for i = 1, #last do
    first[#first + 1] = last[i]
  end
  return concat(first, ":")
end

--- Host, port and one spelling for equal addresses; nil if `text` is no address.
function _M.parse(text)
  local host, port = text:match("^(.+):([1-9]%d?%d?%d?%d?)$")
  if not host or tonumber(port) > 65535 then
    return nil
  end
  local a, b, c, d = host:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a then
    if octets(a, b, c, d) then
      return host, tonumber(port), text
    end
    return nil
  end
  local inner = host:match("^%[([%x:.]+)%]$")
  local whole = inner and expand(inner)
  if whole then
    return host, tonumber(port), "[" .. whole .. "]:" .. port
  end
  return nil
end

return _M
