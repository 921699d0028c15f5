local canary = require("orctl.policy.canary")

local function members(share, salt)
  local count, names = 0, {}
  for i = 1, 20000 do
    if canary.includes(share, salt, "user-" .. i) then
      count, names[i] = count + 1, true
    end
  end
  return count, names
end

return {
  { "a share is as large as it says", function()
    for _, percent in ipairs({ 0, 1, 5, 50, 99, 100 }) do
      local count = members(percent / 100, "next")
      -- Five standard deviations of a fair draw, which is nothing at 0 and 100 per cent.
      local wanted = 200 * percent
      local most = 5 * math.sqrt(wanted * (100 - percent) / 100)
      assert(math.abs(count - wanted) <= most, percent .. " %: " .. count)
    end
  end },
  { "who is in a share is in every larger one", function()
    local _, before = members(0.01, "next")
    for percent = 2, 100, 7 do
      local _, names = members(percent / 100, "next")
      for i in pairs(before) do assert(names[i], "user-" .. i .. " at " .. percent .. " %") end
      before = names
    end
  end },
  { "the first ones are others for another upstream", function()
    local count, names = members(0.05, "next")
    local _, others = members(0.05, "other")
    local both = 0
    for i in pairs(names) do both = both + (others[i] and 1 or 0) end
    assert(both < count / 5, both .. " of " .. count)
  end },
}
