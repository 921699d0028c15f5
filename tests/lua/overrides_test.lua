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
  { "a weight that the document says by now is not reckoned twice, and is when that is taken back",
    function()
      local function part(a, b)
        return { servers = { { key = "a", address = "10.0.0.1:80", weight = a },
          { key = "b", address = "10.0.0.2:80", weight = b } } }
      end
      local entry = overrides.merge(nil, { weight = "50%", by = "b" }, 1000, 2000)
      local digest = overrides.digest_of(part(1, 2))
      local marked = overrides.merge(entry, { replaced_by = digest }, 1500, 2500)
      tap.equal(marked.since, 2000)
      tap.equal(marked.weight, "50%")
      local function weights(a, b, entries)
        local servers = overrides.effective(part(a, b), entries).servers
        return servers[1].effective_weight .. " " .. servers[2].effective_weight
      end
      tap.equal(weights(1, 1, { a = entry }), "0.5 1")
      tap.equal(weights(1, 1, { a = marked }), "0.5 1")
      tap.equal(weights(1, 2, { a = marked }), "1 2")
      tap.equal(weights(1, 2, { a = marked, b = { weight = "50%" } }), "1 1")
      tap.equal(weights(2, 2, { a = marked }), "1 2")
      tap.equal(weights(1, 2, { a = overrides.merge(marked, { weight = "50%" }, 1, 1) }), "0.5 2")
      tap.equal(overrides.merge(marked, { state = "drain" }, 1, 1).replaced_by, digest)
      tap.equal(sound(marked), true)
      tap.equal(sound({ replaced_by = 1 }), false)
    end },
  { "knows every way to write that a server gets nothing", function()
    for _, weight in ipairs({ 0, "0%", "00%", "000%" }) do
      tap.equal(overrides.is_nothing(weight), true, tostring(weight))
    end
    for _, weight in ipairs({ 1, "1%", "100%", "050%" }) do
      tap.equal(overrides.is_nothing(weight), false, tostring(weight))
    end
    tap.equal(overrides.is_nothing(nil), false)
  end },
}
