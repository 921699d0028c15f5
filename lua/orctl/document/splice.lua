-- Replaces one upstream in the text of a document without reading the rest, so that a change of
-- one among thousands costs little. For that the text is laid out as orctl writes it: one member a
-- line, one space more for each level, the name of an upstream first. No string of JSON holds a
-- line break, so a line that looks like the begin or the end of an upstream is one. Pure.
local ffi = require("ffi")
local json = require("orctl.lib.json")
local step = require("orctl.lib.pace").step

local _M = {}

ffi.cdef([[
void *memmem(const void *in, size_t size, const void *what, size_t length);
void *malloc(size_t size);
void free(void *pointer);
]])

local C = ffi.C

local END = "\n  }"

-- Where `what` stands in `text` from the offset `from` on, counted from 0; nil if it does not.
-- string.find() stops at every line break: this is ten times as quick in a long text.
local function find(text, what, from)
  local data = ffi.cast("const char *", text)
  local found = C.memmem(data + from, #text - from, what, #what)
  return found ~= nil and tonumber(ffi.cast("const char *", found) - data) or nil
end

local function begin(name)
  return "\n  {\n   \"name\": \"" .. name .. "\""
end

local function pretty(value, indent, out)
  local kind = json.type(value)
  if kind ~= "array" and kind ~= "object" or not next(value) or next(value) == "" then
    out[#out + 1] = kind == "object" and "{}" or kind == "array" and "[]" or json.encode(value)
    return
  end
  local inner = indent .. " "
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if kind == "object" and (a == "name") ~= (b == "name") then
      return a == "name"
    end
    return a < b
  end)
  out[#out + 1] = kind == "array" and "[" or "{"
  step(#keys)
  for i, key in ipairs(keys) do
    out[#out + 1] = (i > 1 and ",\n" or "\n") .. inner
      .. (kind == "object" and json.encode(key) .. ": " or "")
    pretty(value[key], inner, out)
  end
  out[#out + 1] = "\n" .. indent .. (kind == "array" and "]" or "}")
end

--- A decoded upstream as text that replace() takes.
function _M.upstream_text(value)
  local out = {}
  pretty(value, "  ", out)
  return table.concat(out)
end

--- A decoded document as text in which replace() finds its way.
function _M.document_text(value)
  local out = {}
  pretty(value, "", out)
  return table.concat(out) .. "\n"
end

--- Whether `text`, an upstream, can stand in a document as it is.
function _M.fits(text, name)
  local head = begin(name):sub(4)
  return text:sub(1, #head) == head and text:find(END, 1, true) == #text - #END + 1
end

--- The document with another text for upstream `name`; nil if its layout does not show where it is.
-- In a document of another layout the first line that looks like the end may be another's: what
-- stands between the two is one upstream if it is one value.
function _M.replace(bytes, name, text)
  local list = find(bytes, "\n \"upstreams\": [", 0)
  local from = list and find(bytes, begin(name), list)
  local stop = from and find(bytes, END, from)
  if not stop or not json.decode(bytes:sub(from + 4, stop + #END)) then
    return nil
  end
  -- The collector of garbage sees one long string, and not one of each half too: it is what a
  -- change of a large document costs most.
  local head, rest = from + 3, stop + #END
  local size = head + #text + #bytes - rest
  local buffer, data = ffi.cast("char *", C.malloc(size)), ffi.cast("const char *", bytes)
  if buffer == nil then
    return nil
  end
  ffi.copy(buffer, data, head)
  ffi.copy(buffer + head, text, #text)
  ffi.copy(buffer + head + #text, data + rest, #bytes - rest)
  local spliced = ffi.string(buffer, size)
  C.free(buffer)
  return spliced
end

return _M
