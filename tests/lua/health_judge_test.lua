local judge = require("orctl.health.judge")
local tap = require("tap")

local SETTINGS = { interval = 10, interval_when_down = 2, interval_when_stable = 60,
  stable_after = 3, jitter = 0.1, rise = 2, fall = 3 }
local FLAP = { after = 3, window = 60, hold = 60, max_hold = 600 }

local function fresh()
  return { down = false, streak = 0, good = 0 }
end

local function feed(entry, text, settings)
  local flips = {}
  for i = 1, #text do
    if judge.result(entry, settings or SETTINGS, text:sub(i, i) == "+") then
      flips[#flips + 1] = i
    end
  end
  return flips
end

-- A server that is ill for `ill` seconds and well for `well`, asked every 3 s, for `length`
-- seconds: the times of its changes.
local function flapping(ill, well, length, flap)
  local settings = { rise = 2, fall = 3, interval = 3, stable_after = 10, jitter = 0 }
  local entry, state, down, changes = fresh(), {}, false, {}
  for now = 0, length, 3 do
    judge.result(entry, settings, now % (ill + well) >= ill)
    if entry.down and not down then
      judge.fell(state, flap, now)
      down, changes[#changes + 1] = true, now
    elseif not entry.down and down and not judge.is_held(state, flap, now) then
      judge.rose(state, now)
      down, changes[#changes + 1] = false, now
    end
  end
  return changes
end

local function most_in(changes, from, length)
  local most = 0
  for i = 1, #changes do
    local n = 0
    for j = i, #changes do
      n = n + (changes[j] - changes[i] < length and 1 or 0)
    end
    most = changes[i] >= from and math.max(most, n) or most
  end
  return most
end

return {
  { "a check falls after `fall` bad results in a row and rises after `rise` good ones", function()
    local entry = fresh()
    tap.equal(feed(entry, "--+--+---"), { 9 })
    tap.equal(feed(entry, "+-+-++"), { 6 })
    tap.equal(feed(entry, "---"), { 3 })
    tap.equal(feed(fresh(), "-", { rise = 1, fall = 1 }), { 1 })
  end },
  { "the pace follows the state, and one bad result brings the usual pace back", function()
    local entry = fresh()
    local function wait() return judge.wait(entry, SETTINGS, 0.5) end
    tap.equal(wait(), 10)
    feed(entry, "++")
    tap.equal(wait(), 10)
    feed(entry, "+")
    tap.equal(wait(), 60)
    feed(entry, "-")
    tap.equal(wait(), 10)
    feed(entry, "--")
    tap.equal(wait(), 2)
    feed(entry, "++")
    tap.equal({ entry.down, wait() }, { false, 10 })
    feed(entry, "+")
    tap.equal(wait(), 60)
  end },
  { "without paces of their own all states have the usual one", function()
    local entry, plain = fresh(), { interval = 5, stable_after = 1, jitter = 0, rise = 1, fall = 1 }
    feed(entry, "+", plain)
    tap.equal(judge.wait(entry, plain, 0.9), 5)
    feed(entry, "-", plain)
    tap.equal(judge.wait(entry, plain, 0.1), 5)
  end },
  { "jitter spreads the time between two checks to both sides", function()
    local entry = fresh()
    tap.equal({ judge.wait(entry, SETTINGS, 0), judge.wait(entry, SETTINGS, 1) }, { 9, 11 })
  end },
  { "of several checks so many must be well", function()
    local up, down = { down = false }, { down = true }
    for _, case in ipairs({ { 3, { up, up, up }, true }, { 3, { up, down, up }, false },
      { 1, { down, down, up }, true }, { 1, { down, down }, false },
      { 2, { up, down, up }, true }, { 2, { up, down, down }, false } }) do
      tap.equal(judge.well(case[2], case[1]), case[3])
    end
  end },
  { "a server that flips at the period of its checks does not change at all", function()
    tap.equal(flapping(3, 3, 600, FLAP), {})
  end },
  { "a flapping server stays down longer each time, up to the cap", function()
    local changes = flapping(9, 6, 7200, FLAP)
    tap.equal({ changes[1], changes[2], changes[3], changes[4] }, { 6, 12, 21, 27 })
    tap.equal(changes[5], 36)
    local longest = 0
    for i = 5, #changes - 1, 2 do
      local held = changes[i + 1] - changes[i]
      assert(held >= math.min(60 * 2 ^ ((i - 5) / 2), 600), held)
      longest = math.max(longest, held)
    end
    assert(longest >= 600 and longest < 620, longest)
    -- From the third fall on at most two changes a minute, whatever the period is.
    for ill = 9, 60, 3 do
      for well = 6, 60, 6 do
        local all = flapping(ill, well, 3600, FLAP)
        local most = most_in(all, all[5], 60)
        assert(most <= 2, ("%d/%d: %d"):format(ill, well, most))
      end
    end
  end },
  { "without damping it changes each time; after a calm time the count begins anew", function()
    local free = flapping(9, 6, 600, { after = 0, window = 60, hold = 60, max_hold = 600 })
    tap.equal(#free, 80)
    local state = {}
    for _, now in ipairs({ 0, 10, 20 }) do
      judge.fell(state, FLAP, now)
      judge.rose(state, now + 5)
    end
    tap.equal(state.level, 3)
    judge.fell(state, FLAP, 25 + 60)
    tap.equal({ state.level, judge.is_held(state, FLAP, 86) }, { 1, false })
  end },
}
