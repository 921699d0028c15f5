-- JSON in and out. lua-cjson reads; answers are written here, because Debian's lua-cjson has no way
-- to write an empty array and writes the members of an object in any order. Pure.
local cjson = require("cjson.safe").new()
local pieces = require("orctl.lib.pieces")
local step = require("orctl.lib.pace").step

local _M = {}

local concat, sort = table.concat, table.sort
local huge, sub = math.huge, string.sub

local DEPTH = 64 -- as lib/model/read.h has it
local MOST_VALUES = 2000000
cjson.decode_max_depth(DEPTH)
cjson.decode_invalid_numbers(false)

local array = {}
_M.null = require("cjson").null

--- Marks a table as an array, so that it is written as `[]` when it is empty.
function _M.array(list)
  return setmetatable(list or {}, array)
end

-- cjson reads `{}` and `[]` as the same table. Gives every empty object outside strings a member
-- with an empty name, by which it can be told from an array.
local function mark_empty_objects(text)
  local out, at = {}, 1
  while true do
    local quote = text:find('"', at, true)
    local outside = text:sub(at, (quote or 0) - 1):gsub("{%s*}", '{"":null}')
    out[#out + 1] = outside
    if not quote then
      return concat(out)
    end
    local close, escape = quote
    repeat
      close = text:find('["\\]', close + 1)
      escape = close and text:byte(close) == 92
      close = escape and close + 1 or close
    until not escape
    if not close then
      return text
    end
    out[#out + 1] = text:sub(quote, close)
    at = close + 1
  end
end

-- The well-formed characters of more than one byte (Unicode, table 3-7).
local characters = {
  "^[\194-\223][\128-\191]()",
  "^\224[\160-\191][\128-\191]()",
  "^[\225-\236\238\239][\128-\191][\128-\191]()",
  "^\237[\128-\159][\128-\191]()",
  "^\240[\144-\191][\128-\191][\128-\191]()",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]()",
  "^\244[\128-\143][\128-\191][\128-\191]()",
}

-- Place of the first byte that is not UTF-8; nil if there is none.
local function find_foreign_byte(text)
  local at = text:find("[\128-\255]")
  while at do
    local after
    for i = 1, #characters do
      after = after or text:match(characters[i], at)
    end
    if not after then
      return at
    end
    at = text:find("[\128-\255]", after)
  end
end

-- Number of members that objects hold; nil if a number is infinite, being too large for a double.
local function count_members(value)
  local count = 0
  for name, member in pairs(value) do
    count = count + (type(name) == "string" and 1 or 0)
    if type(member) == "table" then
      local more = count_members(member)
      if not more then return nil end
      count = count + more
    elseif member == huge or member == -huge then
      return nil
    end
  end
  return count
end

-- What may stand nowhere in a JSON text, and then what may not stand outside strings. cjson ends
-- at a NUL, and takes control characters in strings and every number that strtod() takes.
local ANYWHERE = "[%z\1-\8\11\12\14-\31]"
local STRING = '"[^"%z\1-\31]*"'
local numbers = {
  "%.[^%d]", "%.$", "^%.", "[^%d]%.", -- 5. and -.5
  "%f[%w.+-]%-?0%d",                  -- 01
  "[^eE]%+", "^%+",
}

-- A text without its strings; nil if a string holds a control character or does not end.
local function without_strings(text)
  local rest = text:gsub("\\.", ""):gsub(STRING, "")
  return not rest:find('"', 1, true) and rest or nil
end

-- Reason why a text that cjson takes is none of RFC 8259; else its part outside strings.
local function find_laxity(text)
  local rest = without_strings(text)
  if not rest then
    return "a string holds a control character"
  end
  for i = 1, #numbers do
    if rest:find(numbers[i]) then
      return "a number is not written as JSON has it"
    end
  end
  return nil, rest
end

local function count_colons(text)
  local _, count = text:gsub(":", "")
  return count
end

-- As decode(), of a text that is short or cannot be divided; `before` it are so many bytes.
local function decode_piece(text, before)
  local control = text:find(ANYWHERE)
  if control then
    return nil, "byte " .. before + control .. " is a control character"
  end
  -- cjson takes any bytes for a string, and whoever reads the document later would not.
  local foreign = find_foreign_byte(text)
  if foreign then
    return nil, "byte " .. before + foreign .. " is not UTF-8"
  end
  local value, err = cjson.decode(text)
  if err then
    return nil, (err:gsub("character (%d+)", function(at)
      return "character " .. before + at
    end))
  end
  local lax, rest = find_laxity(text)
  if lax then
    return nil, lax
  end
  local count = count_members({ value })
  if not count then
    return nil, "a number is too large"
  end
  -- cjson takes the last of two, and whoever reads the document later perhaps the first.
  if type(value) == "table" and count ~= count_colons(rest) then
    return nil, "an object names a member twice"
  end
  if type(value) == "table" and rest:find("{%s*}") then
    return cjson.decode(mark_empty_objects(text))
  end
  return value
end

--- Value of a JSON text of at most 64 levels, in UTF-8 and without an object that names a member
-- twice; nil and the reason if it is none. The rules are those of RFC 8259 and of orctl, to the
-- byte; as there, a byte order mark may stand in front. A long text is read with pauses, and has at
-- most 2,000,000 values: more than fit into the 12 MiB of a document that orctl writes.
function _M.decode(text)
  if sub(text, 1, 3) == "\239\187\191" then
    text = sub(text, 4)
  end
  return pieces.decode(text, decode_piece, DEPTH, MOST_VALUES)
end

--- "array", "object", or the Lua type of a decoded value; an empty table is an array.
function _M.type(value)
  if value == _M.null then
    return "null"
  end
  if type(value) ~= "table" then
    return type(value)
  end
  return type((next(value))) == "string" and "object" or "array"
end

--- Quick text for storage, and back: empty arrays and empty objects are the same there. A long text
-- is read with pauses.
_M.pack = cjson.encode

local function unpack_piece(text)
  return cjson.decode(text)
end

function _M.unpack(text)
  return pieces.decode(text, unpack_piece, DEPTH, huge)
end

local function is_list(value)
  return type(value) == "table" and value[1] ~= nil
end

--- As pack(), of what holds long lists: these are written with pauses.
function _M.pack_long(value)
  if not is_list(value) then
    if type(value) ~= "table" or next(value) == nil then
      return cjson.encode(value)
    end
    local members = {}
    for name, member in pairs(value) do
      local text = is_list(member) and _M.pack_long(member) or cjson.encode(member)
      members[#members + 1] = cjson.encode(name) .. ":" .. text
    end
    return "{" .. concat(members, ",") .. "}"
  end
  local items = {}
  for i = 1, #value do
    items[i] = cjson.encode(value[i])
    step()
  end
  return "[" .. concat(items, ",") .. "]"
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\\127]', function(char)
    return escapes[char] or ("\\u%04x"):format(char:byte())
  end) .. '"'
end

local function write(value, out)
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = quote(value)
  elseif kind == "number" then
    out[#out + 1] = ("%.14g"):format(value)
  elseif kind ~= "table" then
    out[#out + 1] = value == _M.null and "null" or tostring(value)
  elseif getmetatable(value) == array then
    out[#out + 1] = "["
    for i = 1, #value do
      if i > 1 then out[#out + 1] = "," end
      write(value[i], out)
    end
    out[#out + 1] = "]"
  else
    local names = {}
    step()
    for name in pairs(value) do names[#names + 1] = name end
    sort(names)
    out[#out + 1] = "{"
    for i, name in ipairs(names) do
      out[#out + 1] = (i > 1 and "," or "") .. quote(name) .. ":"
      write(value[name], out)
    end
    out[#out + 1] = "}"
  end
end

--- JSON text with sorted members; tables made by array() are arrays, all others objects.
function _M.encode(value)
  local out = {}
  write(value, out)
  return concat(out)
end

return _M
