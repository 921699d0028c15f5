local rate_limit = require("orctl.policy.rate_limit")
local route = require("orctl.route.rules")
local tap = require("tap")

local seconds = { ["1s"] = 1, ["1m"] = 60 }

local function limit(value, path)
  local fields = { path = path or "/", upstream = "up", rate_limit = value }
  return route.compile(fields, function(text) return seconds[text] end).rate_limit
end

-- How many requests a bucket takes that come `every` so many seconds, in `span` seconds.
local function taken(bucket, every, span)
  local full_at, count, now = nil, 0, 1e6
  for _ = 1, span / every do
    local wait
    full_at, wait = rate_limit.take(bucket, full_at, now)
    count, now = count + (wait and 0 or 1), now + every
  end
  return count
end

return {
  { "a full bucket takes burst requests at once, and then none", function()
    for _, burst in ipairs({ 1, 2, 7, 1000 }) do
      local bucket, full_at = limit({ requests = 10, burst = burst }), nil
      local wait
      for i = 1, burst do
        full_at, wait = rate_limit.take(bucket, full_at, 1e6)
        assert(not wait, "request " .. i .. " of " .. burst)
      end
      local same
      same, wait = rate_limit.take(bucket, full_at, 1e6)
      tap.equal(same, full_at)
      assert(math.abs(wait - 0.1) < 0.002, "wait " .. wait)
    end
  end },
  { "in the long run it takes as many as it says, however many come", function()
    for _, every in ipairs({ 0.001, 0.01, 0.03, 0.1 }) do
      local count = taken(limit({ requests = 10, burst = 5 }), every, 100)
      assert(count >= 1000 - 1 and count <= 1000 + 5, every .. ": " .. count)
    end
    tap.equal(taken(limit({ requests = 10, burst = 1 }), 0.2, 100), 500)
    local minute = taken(limit({ requests = 6, per = "1m", burst = 1 }), 1, 600)
    assert(minute >= 59 and minute <= 61, "per minute: " .. minute)
  end },
  { "who waits as long as it says gets a token", function()
    local bucket, full_at, now = limit({ requests = 3, burst = 2 }), nil, 1e6
    for i = 1, 100 do
      local wait
      full_at, wait = rate_limit.take(bucket, full_at, now)
      if wait then
        now = now + wait
        full_at, wait = rate_limit.take(bucket, full_at, now)
      end
      assert(not wait, "request " .. i)
    end
  end },
  { "an empty bucket stays empty for a worker that is a moment behind", function()
    local bucket, full_at = limit({ requests = 100 }), nil
    for _ = 1, 100 do full_at = rate_limit.take(bucket, full_at, 1e6) end
    for _, behind in ipairs({ 0, 0.001, 0.003, 0.5 }) do
      local _, wait = rate_limit.take(bucket, full_at, 1e6 - behind)
      assert(wait, behind)
    end
  end },
  { "a narrower limit leaves an empty bucket empty, and fills it in its own time", function()
    local wide, full_at = limit({ requests = 50, per = "1m" }), nil
    for _ = 1, 50 do full_at = rate_limit.take(wide, full_at, 1e6) end
    local narrow = limit({ requests = 50, per = "1m", burst = 5 })
    local wait
    full_at, wait = rate_limit.take(narrow, full_at, 1e6)
    assert(math.abs(wait - 1.2) < 0.001, wait)
    full_at, wait = rate_limit.take(narrow, full_at, 1e6 + 1.2)
    tap.equal(wait, nil)
    assert(select(2, rate_limit.take(narrow, full_at, 1e6 + 1.2)))
  end },
  { "burst is requests unless it is said, and each route has buckets of its own", function()
    local bucket = limit({ requests = 10 })
    tap.equal({ bucket.interval, bucket.capacity, bucket.variable }, { 0.1, 1, "remote_addr" })
    tap.equal(limit({ requests = 10, by = "route" }).variable, nil)
    tap.equal(limit({ requests = 10, by = "header:X-Api-Key" }).variable, "http_x_api_key")
    tap.equal(limit({ requests = 20 }).id, bucket.id)
    assert(limit({ requests = 10 }, "/a").id ~= bucket.id)
    local function hosts(...)
      return route.compile({ path = "/", hosts = { ... }, rate_limit = { requests = 1 } },
        function() return 1 end).rate_limit.id
    end
    tap.equal(hosts("b.test", "A.test"), hosts("a.test", "b.test"))
    assert(hosts("a.test") ~= hosts("b.test"))
  end },
}
