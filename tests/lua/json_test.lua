local json = require("orctl.lib.json")
local tap = require("tap")

return {
  { "writes members in order, and arrays and objects apart when empty", function()
    tap.equal(json.encode({ b = json.array(), a = {}, c = json.array({ 1, "x", false }) }),
      '{"a":{},"b":[],"c":[1,"x",false]}')
  end },
  { "quotes what JSON must quote", function()
    tap.equal(json.encode("a\"\\\n\1\127/"), '"a\\"\\\\\\n\\u0001\\u007f/"')
  end },
  { "writes whole numbers without an exponent", function()
    tap.equal(json.encode(4294967296), "4294967296")
  end },
  { "reads UTF-8 and nothing else", function()
    for _, text in ipairs({ "\194\128", "\223\191", "\224\160\128", "\237\159\191", "\238\128\128",
      "\239\191\191", "\240\144\128\128", "\244\143\191\191", "a\195\169b\226\130\172c" }) do
      tap.equal(json.decode('["' .. text .. '"]'), { text })
    end
    for _, text in ipairs({ "\128", "\255", "\192\128", "\193\191", "\194", "\194a", "\224\159\191",
      "\237\160\128", "\240\143\191\191", "\244\144\128\128", "\245\128\128\128", "\226\130" }) do
      local value, err = json.decode('["\195\169' .. text .. '"]')
      tap.equal(value, nil)
      tap.equal(err, "byte 5 is not UTF-8")
    end
  end },
  { "refuses an object that names a member twice", function()
    for _, text in ipairs({ '{"a":1,"a":1}', '[{"a":{"b":1,"c":2,"b":3}}]', '{"a":1,"\\u0061":2}',
      '{"":1,"":null}', '{"a\\":":1,"b":2,"a\\":":3}', '{"a":{},"a":[]}' }) do
      local value, err = json.decode(text)
      tap.equal(value, nil, text)
      tap.equal(err, "an object names a member twice")
    end
    for _, text in ipairs({ '{"a":":","b":"\\":\\\\"}', '[{"a":1},{"a":1},[":"]]',
      '{"1":{"1":1},"2":[]}', '{"\\\\":1,":":2,"\\"":null}', '{}', '[]', '":"', "1" }) do
      local value, err = json.decode(text)
      tap.equal(err, nil, text)
      tap.equal(value ~= nil, true)
    end
  end },
  { "reads numbers, strings and ends of a text as RFC 8259 has them", function()
    for _, text in ipairs({ "5.", "[-.5]", "[.5]", "[01]", "[-01]", "[+1]", "[1,+1]", "[5.e1]",
      '["a\nb"]', '["\1"]', "1\0", "[1]\0x", "\0", "[1e999]", "[-1e999]",
      '{"a":[{"b":1e400}]}' }) do
      local value, err = json.decode(text)
      tap.equal(value, nil, text)
      assert(err, text)
    end
    for _, text in ipairs({ "[0]", "[-0]", "[1.05]", "[1e05]", "[1E+5]", "[10,20]", '["5.",".5"]',
      '["01:+1","\127"]', '\239\187\191{"a":1}', "[1e-999]", ' \t\r\n[ ]' }) do
      local value, err = json.decode(text)
      tap.equal(err, nil, text)
      tap.equal(type(value), "table", text)
    end
  end },
}
