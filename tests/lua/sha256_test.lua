local sha256 = require("orctl.lib.sha256")
local tap = require("tap")

-- FIPS 180-4 examples.
local vectors = {
  [""] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  ["abc"] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"] =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  [("a"):rep(1000000)] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
}

return {
  { "libcrypto gives the known digests", function()
    for text, digest in pairs(vectors) do
      tap.equal(sha256.library(text), digest)
    end
  end },
  { "the Lua fallback gives the known digests", function()
    for text, digest in pairs(vectors) do
      tap.equal(sha256.pure(text), digest)
    end
  end },
  { "both agree at every length around the block size", function()
    local random = tap.random(7)
    for size = 0, 200 do
      local bytes = {}
      for i = 1, size do bytes[i] = string.char(random(256) - 1) end
      local text = table.concat(bytes)
      tap.equal(sha256.pure(text), sha256.library(text), size .. " bytes")
    end
  end },
}
