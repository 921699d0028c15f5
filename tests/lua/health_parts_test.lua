local lease = require("orctl.health.lease")
local schedule = require("orctl.health.schedule")
local tap = require("tap")
local window = require("orctl.health.window")

local function drain(plan, now)
  local list = {}
  local item = plan:next(now)
  while item do
    list[#list + 1] = item.due
    item = plan:next(now)
  end
  return list
end

-- Workers that tick in turn and share one beat; those in `still` do not tick.
local function tick(workers, shared, still)
  local leads = {}
  for i, worker in ipairs(workers) do
    if not (still and still[i]) then
      local beat, leading = worker:step(shared.beat)
      shared.beat = beat or shared.beat
      if leading then leads[#leads + 1] = i end
    end
  end
  return leads
end

local function three()
  local workers = {}
  for i = 1, 3 do workers[i] = lease.new({ pid = 100 + i, boot = 1, id = i - 1 }) end
  return workers
end

return {
  { "a schedule gives items when they are due, in order", function()
    local random = tap.random(3)
    local plan, wanted = schedule.new(), {}
    for i = 1, 500 do
      wanted[i] = random(1000)
      plan:push({ due = wanted[i] })
    end
    table.sort(wanted)
    tap.equal(plan:next(0), nil)
    local early = drain(plan, 500)
    local late = drain(plan, 1000)
    for i, due in ipairs(late) do early[#early + 1] = due or i end
    tap.equal(early, wanted)
    tap.equal(plan.size, 0)
  end },
  { "items taken out never come, and their places are given back", function()
    local random = tap.random(5)
    local plan, kept = schedule.new(), {}
    for round = 1, 50 do
      local items = {}
      for i = 1, 20 do
        items[i] = { due = 1000 + random(1000) }
        plan:push(items[i])
      end
      for i = 1, 20 do
        if i % 10 == 0 then kept[#kept + 1] = items[i].due else plan:drop(items[i]) end
      end
      assert(plan.size <= 2 * #kept + 2, round)
    end
    table.sort(kept)
    tap.equal(drain(plan, 3000), kept)
  end },
  { "a window forgets what is older than its length", function()
    local samples = {}
    tap.equal({ window.grow(samples, 10, 0, 100, 10, 5) }, { 0, 0, 0 })
    tap.equal({ window.grow(samples, 10, 5, 110, 12, 6) }, { 10, 2, 1 })
    tap.equal({ window.grow(samples, 10, 10, 120, 12, 8) }, { 20, 2, 3 })
    tap.equal({ window.grow(samples, 10, 15, 130, 12, 9) }, { 20, 0, 3 })
    for now = 15, 115, 0.05 do window.grow(samples, 10, now, 130, 12, 9) end
    assert(#samples <= 22, #samples)
    tap.equal({ window.grow(samples, 10, 116, 131, 12, 9) }, { 1, 0, 0 })
    tap.equal({ window.grow(samples, 10, 117, 1, 1, 1) }, { 0, 0, 0 }, "counters begin anew")
  end },
  { "passive checks say nothing bad of too few requests", function()
    local set = { min_requests = 10, max_errors = 20, max_latency = 0.5 }
    tap.equal(window.error_ratio(set, 9, 9, 0), true)
    tap.equal(window.error_ratio(set, 10, 1, 0), true)
    tap.equal({ window.error_ratio(set, 10, 2, 0) }, { false, "2 of 10 requests failed" })
    tap.equal(window.latency(set, 9, 0, 90), true)
    tap.equal(window.latency(set, 10, 0, 5), true)
    tap.equal({ window.latency(set, 10, 0, 6) },
      { false, "10 requests took 600 ms on average" })
  end },
  { "one worker leads, and goes on doing so", function()
    local workers, shared = three(), {}
    tap.equal(tick(workers, shared), {})
    for _ = 1, 200 do tap.equal(tick(workers, shared), { 1 }) end
  end },
  { "a worker that hangs loses the lead after a while, and does not take it back", function()
    local workers, shared = three(), {}
    for _ = 1, 5 do tick(workers, shared) end
    local ticks = 0
    repeat
      local leads = tick(workers, shared, { true })
      ticks = ticks + 1
    until leads[1]
    assert(ticks >= 40 and ticks < 50, ticks)
    local now = tick(workers, shared, { true })
    tap.equal(#now, 1)
    for _ = 1, 100 do tap.equal(tick(workers, shared), now) end
  end },
  { "the successor of a worker that died leads at once", function()
    local workers, shared = three(), {}
    for _ = 1, 5 do tick(workers, shared) end
    workers[1] = lease.new({ pid = 200, boot = 1, id = 0 })
    tick(workers, shared)
    tap.equal(tick(workers, shared), { 1 })
  end },
  { "workers of a new cycle lead at once, those of the old one no more", function()
    local workers, shared = three(), {}
    for _ = 1, 5 do tick(workers, shared) end
    workers[4] = lease.new({ pid = 300, boot = 2, id = 0 })
    tick(workers, shared)
    for _ = 1, 100 do tap.equal(tick(workers, shared), { 4 }) end
  end },
  { "of workers that take over at the same time one is left", function()
    local workers, shared = three(), {}
    for _, worker in ipairs(workers) do
      shared.beat = worker:step(nil) -- none has seen the others
    end
    tick(workers, shared)
    for _ = 1, 100 do tap.equal(#tick(workers, shared), 1) end
  end },
}
