local cjson = require("cjson.safe").new()
local json = require("orctl.lib.json")
local pieces = require("orctl.lib.pieces")
local tap = require("tap")

cjson.decode_max_depth(64)

-- Whatever a text begins with, cjson reads it to its end.
local function decode(text)
  return cjson.decode(text)
end

-- Texts made by chance, most of them sound.
local scalars = { "1", "-2.5", '"a"', '""', '"a,b]}\\""', '"\\\\"', "true", "null", "{}", "[ ]" }
local faults = { "", ",", "]", "}", "[", "{", '"', "1 2", '"a" "b"', ":", "{}{}", "nul", '"\\' }

local function value(depth)
  local kind = math.random(depth > 0 and 5 or 3)
  if math.random(150) == 1 then
    return faults[math.random(#faults)]
  elseif kind < 4 then
    return scalars[math.random(#scalars)]
  end
  local items = {}
  for i = 1, math.random(0, 5) do
    local name = kind == 5 and ('"%s%d"'):format(("n"):rep(math.random(0, 3)), i) .. " : " or ""
    items[i] = name .. value(depth - 1) .. (" "):rep(math.random(0, 2))
  end
  local body = table.concat(items, ",")
  return kind == 4 and "[" .. body .. "]" or "{" .. body .. "}"
end

return {
  { "a text is read in pieces of any length as it is at once", function()
    math.randomseed(7)
    local sound, refused = 0, 0
    for _ = 1, 20000 do
      local text = (" "):rep(math.random(0, 2)) .. value(4) .. (math.random(99) == 1 and "]" or " ")
      local wanted = decode(text)
      local found, err = pieces.decode(text, decode, 64, math.huge, math.random(0, 12))
      if wanted == nil then
        refused = refused + 1
        tap.equal({ text, found, type(err) }, { text, nil, "string" })
      else
        sound = sound + 1
        tap.equal({ text, found }, { text, wanted })
      end
    end
    tap.equal({ sound > 5000, refused > 500 }, { true, true })
  end },
  { "what is wrong is told with its place in the whole", function()
    local long = "[" .. ('"0123456789",\n'):rep(5000)
    tap.equal({ json.decode(long .. '"\1"]') }, { nil, "byte 70003 is a control character" })
    tap.equal({ json.decode(long .. '"\255"]') }, { nil, "byte 70003 is not UTF-8" })
    tap.equal({ json.decode(long .. "1}") }, { nil, "byte 70003 closes what is not open" })
    tap.equal({ json.decode(long .. "]") },
      { nil, "Expected value but found T_ARR_END at character 70002" })
    tap.equal({ json.decode(long .. "1") }, { nil, "a list or an object does not end" })
    tap.equal({ json.decode(long .. "1] 1") }, { nil, "byte 70004 is outside the value" })
    tap.equal({ json.decode(long .. "5.]") },
      { nil, "a number is not written as JSON has it" })
    tap.equal(#json.decode(long .. "1]"), 5001)
  end },
  { "a member that is named twice is found across pieces", function()
    local many = {}
    for i = 1, 5000 do many[i] = ('"n%d":[]'):format(i) end
    local long = table.concat(many, ",")
    tap.equal(json.type(json.decode("{" .. long .. "}").n5000), "array")
    tap.equal({ json.decode("{" .. long .. ',"n1":1}') },
      { nil, "an object names a member twice" })
    tap.equal({ json.decode(('{"a":{%s},"a":{%s}}'):format(long, long)) },
      { nil, "an object names a member twice" })
  end },
  { "values may be nested as deep as in a short text, and no deeper", function()
    local function nested(depth)
      return ("["):rep(depth) .. ("1,"):rep(20000) .. "1" .. ("]"):rep(depth)
    end
    assert(json.decode(nested(64)))
    tap.equal({ json.decode(nested(65)) }, { nil, "byte 65 begins a value inside of 64 others" })
  end },
  { "a text of too many values, or with a string too long, is refused", function()
    tap.equal({ json.decode("[" .. ("{},"):rep(1000000) .. "{}]") },
      { nil, "it holds more than 2000000 values" })
    tap.equal({ json.decode('["' .. ("a"):rep(1100000) .. '"]') },
      { nil, "byte 2 begins a string or blanks of more than 1048576 bytes" })
  end },
  { "an object without members stays one", function()
    local items = json.decode("[" .. ("{},[],"):rep(5000) .. "{}]")
    tap.equal({ json.type(items[1]), json.type(items[2]), json.type(items[10001]) },
      { "object", "array", "object" })
  end },
  { "what is stored in pieces is read as it was", function()
    local part, list = { name = "n", empty = {} }, {}
    for i = 1, 3000 do list[i] = { key = "k" .. i, weight = i / 2, on = i % 2 == 0, none = {} } end
    part.servers = list
    tap.equal(json.unpack(json.pack_long(part)), json.unpack(json.pack(part)))
    tap.equal(json.unpack(json.pack_long(list)), list)
    tap.equal(json.pack_long({}), json.pack({}))
  end },
}
