local address = require("orctl.lib.address")
local tap = require("tap")

return {
  { "takes IPv4 and [IPv6] literals with a port apart", function()
    tap.equal({ address.parse("10.0.0.1:8080") }, { "10.0.0.1", 8080, "10.0.0.1:8080" })
    tap.equal({ address.parse("[::1]:80") }, { "[::1]", 80, "[0:0:0:0:0:0:0:1]:80" })
  end },
  { "spellings of one address have one key", function()
    local function key(text) return (select(3, address.parse(text))) end
    for _, text in ipairs({ "[0::1]:1", "[0:0:0::0:1]:1", "[::0.0.0.1]:1", "[0:0:0:0:0:0:0:1]:1",
      "[::0001]:1" }) do
      tap.equal(key(text), key("[::1]:1"), text)
    end
    tap.equal(key("[FE80::A]:1"), key("[fe80::a]:1"))
    tap.equal(key("[::ffff:1.2.3.4]:1"), key("[::ffff:102:304]:1"))
  end },
  { "refuses whatever is not such a literal", function()
    for _, text in ipairs({ "", ":80", "localhost:80", "1.2.3:80", "1.2.3.4", "1.2.3.4:",
      "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:080", "01.2.3.4:80", "1.2.3.256:80", "1.2.3.4.5:80",
      "::1:80", "[::1]", "[1::2::3]:80", "[1:2:3:4:5:6:7]:80", "[1:2:3:4:5:6:7:8:9]:80",
      "[12345::]:80", "[:1]:80", "[1:]:80", "[1:::2]:80", "[1:2:3:4:5:6:7::8]:80", "[g::]:80",
      "[::1.2.3.256]:80", "[]:80", "1.2.3.4:80 ", " 1.2.3.4:80", "1.2.3.4:80\n", "[::1%lo]:80" }) do
      tap.equal(address.parse(text), nil, text)
    end
  end },
}
