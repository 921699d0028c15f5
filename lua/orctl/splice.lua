-- Replaces one upstream in the text of a document without reading the rest, so that a change of
-- one among thousands costs little. For that the text is laid out as orctl writes it: one member a
-- line, one space more for each level, the name of an upstream first. No string of JSON holds a
-- line break, so a line that looks like the begin or the end of an upstream is one. Pure.
local json = require("orctl.json")

local _M = {}

local END = "\n  }"

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
  local list = bytes:find("\n \"upstreams\": [", 1, true)
  local from = list and bytes:find(begin(name), list, true)
  local stop = from and bytes:find(END, from, true)
  if not stop or not json.decode(bytes:sub(from + 3, stop + #END - 1)) then
    return nil
  end
  return bytes:sub(1, from + 2) .. text .. bytes:sub(stop + #END)
end

return _M
