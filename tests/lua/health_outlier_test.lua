local outlier = require("orctl.health.outlier")
local tap = require("tap")

local function settings(changes)
  local all = { consecutive_failures = 5, error_ratio = 50, min_requests = 10, interval = 10,
    ejection_time = 30, max_ejection_time = 100, max_ejected = 50, panic_threshold = 0 }
  for name, value in pairs(changes or {}) do all[name] = value end
  return all
end

local function servers(count)
  local list = {}
  for i = 1, count do
    list[i] = { key = "s" .. i, down = false, streak = 0, requests = 0, failures = 0, outlier = {} }
  end
  return list
end

local function fail(server, count, of)
  server.requests, server.failures = server.requests + (of or count), server.failures + count
  server.streak = of and of > count and 0 or server.streak + count
end

local function names(out)
  local list = {}
  for key in pairs(out) do list[#list + 1] = key end
  table.sort(list)
  return table.concat(list, " ")
end

local function judge(set, list, now, over)
  local out, reasons = outlier.judge(set, list, now, over or false)
  return names(out), reasons
end

return {
  { "so many failures in a row eject a server, one less does not", function()
    local list = servers(4)
    fail(list[2], 4)
    tap.equal(judge(settings(), list, 1), "")
    fail(list[2], 1)
    local out, reasons = judge(settings(), list, 1)
    tap.equal({ out, reasons }, { "s2", { s2 = "5 failures in a row" } })
  end },
  { "the error ratio is judged when an interval is over, and needs enough requests", function()
    local list = servers(4)
    fail(list[1], 6, 12)
    fail(list[3], 5, 9)
    tap.equal(judge(settings(), list, 1), "")
    local out, reasons = judge(settings(), list, 10, true)
    tap.equal({ out, reasons }, { "s1", { s1 = "6 of 12 requests failed" } })
    fail(list[3], 1, 9) -- the interval before does not count
    tap.equal(judge(settings(), list, 20, true), "s1")
  end },
  { "an ejection ends by itself, lasts longer each time, and is forgotten at last", function()
    local list, set = servers(3), settings()
    local function lasts(now)
      fail(list[1], 5)
      tap.equal(judge(set, list, now), "s1")
      return list[1].outlier.till - now
    end
    tap.equal(lasts(0), 30)
    tap.equal(judge(set, list, 29.9), "s1")
    tap.equal(judge(set, list, 30), "", "its old failures do not eject it again")
    tap.equal(lasts(40), 60)
    judge(set, list, 100)
    tap.equal(lasts(100), 90)
    judge(set, list, 190)
    tap.equal(lasts(190), 100)
    judge(set, list, 290)
    judge(set, list, 390)
    tap.equal(lasts(391), 30)
  end },
  { "no more than max_ejected percent go, but one always may; the worst go first", function()
    local list = servers(6)
    for i, count in ipairs({ 5, 9, 7, 6, 8 }) do fail(list[i], count) end
    tap.equal(judge(settings(), list, 1), "s2 s3 s5")
    list = servers(5)
    fail(list[1], 5)
    fail(list[2], 6)
    tap.equal(judge(settings({ max_ejected = 1 }), list, 1), "s2")
    list = servers(5)
    fail(list[1], 5)
    tap.equal(judge(settings({ max_ejected = 0 }), list, 1), "")
  end },
  { "the last server is never ejected, also when the others are down", function()
    local list = servers(1)
    fail(list[1], 50)
    tap.equal(judge(settings({ max_ejected = 100 }), list, 1), "")
    list = servers(3)
    list[2].down, list[3].down = true, true
    fail(list[1], 50)
    tap.equal(judge(settings({ max_ejected = 100 }), list, 1), "")
    list = servers(3)
    for i = 1, 3 do fail(list[i], 10 + i) end
    tap.equal(judge(settings({ max_ejected = 100 }), list, 1), "s2 s3")
  end },
  { "with too few left nobody is ejected, and those who were serve again", function()
    local list, set = servers(4), settings({ panic_threshold = 50, max_ejected = 100 })
    for i = 1, 3 do fail(list[i], 5 + i) end
    tap.equal(judge(set, list, 1), "s2 s3")
    list[4].down = true
    tap.equal(judge(set, list, 2), "")
    list[4].down = false
    tap.equal(judge(set, list, 3), "s2 s3")
    list = servers(4)
    list[1].down, list[2].down = true, true
    fail(list[3], 5)
    tap.equal(judge(set, list, 1), "")
  end },
  { "a server that is down by its checks is not ejected besides", function()
    local list = servers(4)
    list[1].down = true
    fail(list[1], 9)
    tap.equal(judge(settings(), list, 1), "")
  end },
  { "whatever happens, the limits hold", function()
    local random = tap.random(11)
    for _ = 1, 200 do
      local list = servers(random(8))
      local set = settings({ max_ejected = random(101) - 1, panic_threshold = random(101) - 1 })
      for now = 1, 60 do
        local one = list[random(#list)]
        if random(3) == 1 then one.down = not one.down else fail(one, random(6)) end
        local out = outlier.judge(set, list, now * 3, random(4) == 1)
        local ejected, left = 0, 0
        for _, server in ipairs(list) do
          ejected = ejected + (out[server.key] and 1 or 0)
          left = left + (not out[server.key] and not server.down and 1 or 0)
        end
        if ejected > 0 then
          assert(ejected <= math.max(1, math.floor(#list * set.max_ejected / 100)))
          assert(left >= 1 and left * 100 >= #list * set.panic_threshold)
        end
      end
    end
  end },
}
