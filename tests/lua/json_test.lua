local json = require("orctl.json")
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
}
