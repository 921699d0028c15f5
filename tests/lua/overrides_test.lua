local overrides = require("orctl.state.overrides")
local tap = require("tap")

local function sound(entry, key)
  return overrides.is_sound({ version = 1,
    upstreams = { a = { version = 1, servers = { [key or "10.0.0.1:80"] = entry } } } })
end

return {
  { "takes what set() makes from a file", function()
    local entry = overrides.merge(nil, { state = "drain", weight = "50%", reason = "r", by = "b",
      ["for"] = "1h" }, 1000, 2000)
    local all = { version = 1, upstreams = overrides.set({}, "a", "10.0.0.1:80", entry, 1) }
    tap.equal(overrides.is_sound(all), true)
    tap.equal(sound({ add = { weight = 1 }, address = "10.0.0.9:80", host = "10.0.0.9",
      port = 80 }), true)
    tap.equal(overrides.is_sound({ version = 1, upstreams = {} }), true)
  end },
  { "refuses what could stop a worker: other types, times beyond any, addresses that are missing",
    function()
      for i, entry in ipairs({ { ends = "soon" }, { weight = "many" }, { weight = {} },
        { since = 1e300 }, { add = { weight = "1" }, address = "a", host = "a", port = 1 },
        { add = {} }, { state = 1 }, "drain", { remove = 1 } }) do
        tap.equal(sound(entry), false, "entry " .. i)
      end
      tap.equal(sound({}, 1), false)
      for _, all in ipairs({ {}, { version = 1 }, { version = 1, upstreams = { a = {} } },
        { version = 1, upstreams = { a = { servers = {} } } },
        { version = 1, upstreams = {}, more = 1 / 0 },
        { version = 1, upstreams = { { version = 1, servers = {} } } } }) do
        tap.equal(overrides.is_sound(all), false)
      end
      tap.equal(overrides.is_sound(nil), false)
    end },
}
