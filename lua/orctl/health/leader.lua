-- What the worker does that probes: it knows when which check of which server is due, takes the
-- results in, and says who is down and who is left out.
local counters = require("orctl.lib.counters")
local judge = require("orctl.health.judge")
local member = require("orctl.health.member")
local outlier = require("orctl.health.outlier")
local probe = require("orctl.health.probe")
local record = require("orctl.health.record")
local schedule = require("orctl.health.schedule")
local window = require("orctl.health.window")

local _M = {}

local BATCH = 16          -- probes that share one of the 256 timers that nginx runs at once
local MAX_RUNNING = 1024
local SPREAD = 3          -- seconds over which first checks are spread, or their interval if less
local OUTLIER_STEP = 0.1  -- seconds between two looks at failures in a row
local KEPT = 20           -- probes of a server that are remembered
local KEPT_OF_MANY, MANY = 5, 2000 -- with so many servers fewer, for the sake of the dictionary
local BUDGET = 300        -- servers that are compared with the document at once

local groups = {}         -- by name of upstream: {upstream, servers by key, list, eject}
local plan = schedule.new()
local running, server_count = 0, 0
local view            -- that the groups are made from
local waiting = {}        -- names of its upstreams that are yet to be compared with the groups
local work                -- the one that is: {group, upstream, is_watched, done, servers, …}
local is_current          -- is_current(upstream, key): may a result still be kept?

local function take(entry, ok, err, seconds, now)
  local server = entry.server
  member.remember(server, entry, ok, err, seconds, server_count > MANY and KEPT_OF_MANY or KEPT)
  member.reconsider(server, groups[server.upstream].upstream.health, now,
    judge.result(entry, entry.settings, ok))
end

local function plan_next(entry, now)
  entry.due = math.max(now, entry.started + judge.wait(entry, entry.settings, math.random()))
  plan:push(entry)
end

local function finish(entry, ok, err, seconds)
  running, entry.busy = running - 1, nil
  if entry.gone then
    return
  end
  local server = entry.server
  local now = entry.started + seconds
  if is_current(server.upstream, server.key) then
    -- A check that was not planned again would never come again.
    local taken, fault = pcall(take, entry, ok, err, seconds, now)
    if not taken then
      ngx.log(ngx.ERR, "the result of a check was lost: ", fault)
    end
  end
  plan_next(entry, now)
end

-- The passive checks.
local function look_at_counters(entry, now)
  local settings, b = entry.settings, entry.server.block
  entry.window = entry.window or {}
  local ok, err = window[settings.type](settings, window.grow(entry.window, settings.window, now,
    counters.sum(b, counters.REQUESTS), counters.sum(b, counters.ERRORS),
    counters.sum(b, counters.SECONDS)))
  entry.started = now
  take(entry, ok, err, 0, now)
  plan_next(entry, now)
end

local function start(batch)
  local started = ngx.timer.at(0, probe.run, batch)
  if not started then
    -- All timers are in use; a moment later some are not.
    for _, one in ipairs(batch) do
      running, one.entry.busy = running - 1, nil
      one.entry.due = one.entry.started + SPREAD
      plan:push(one.entry)
    end
  end
end

local function look_for_outliers(item, now)
  local group = item.group
  local settings = group.upstream.outlier
  local over = now >= item.over
  if over then
    item.over = now + settings.interval
  end
  for _, server in ipairs(group.takers) do
    local b = server.block
    server.streak = counters.sum(b, counters.STREAK)
    server.requests = counters.sum(b, counters.REQUESTS)
    server.failures = counters.sum(b, counters.ERRORS)
  end
  local out, reasons = outlier.judge(settings, group.takers, now, over)
  for _, server in ipairs(group.list) do
    local till = out[server.key]
    if (till ~= nil) ~= (server.ejected ~= nil) then
      member.eject(server, till, reasons[server.key])
    end
  end
  item.due = now + OUTLIER_STEP
  plan:push(item)
end

local function add_check(server, settings, now)
  local entry = { server = server, settings = settings, streak = 0, good = 0,
    due = now + math.random() * math.min(settings.interval, SPREAD) }
  member.restore(server, entry)
  plan:push(entry)
  return entry
end

local function drop_check(entry)
  if entry.busy then
    entry.gone = true
  else
    plan:drop(entry)
  end
end

-- New settings hold for what a check has seen; the next time comes no later than they say.
local function change_check(entry, settings, now)
  entry.settings = settings
  local due = now + judge.wait(entry, settings, math.random())
  if entry.busy or entry.due <= due then
    return entry
  end
  plan:drop(entry)
  local new = {}
  for name, value in pairs(entry) do new[name] = value end
  new.due = due
  plan:push(new)
  return new
end

-- A server in maintenance is not asked, and comes back as it went.
local function checks_of(upstream, peer)
  local asked = peer.state ~= "maint" and peer.state ~= "removed"
  return asked and upstream.health and upstream.health.checks or {}
end

local function sync_checks(server, checks, now)
  local old, list = server.checks, {}
  server.checks = {}
  for i, settings in ipairs(checks) do
    local entry = old[settings.name]
    entry = entry and change_check(entry, settings, now) or add_check(server, settings, now)
    server.checks[settings.name], list[i] = entry, entry
  end
  for name, entry in pairs(old) do
    if not server.checks[name] then drop_check(entry) end
  end
  server.list = list
end

local function drop_server(server)
  for _, entry in pairs(server.checks) do drop_check(entry) end
  server_count = server_count - 1
end

local function sync_ejection(group, now)
  local settings = group.upstream.outlier
  if settings and not group.eject then
    group.eject = { group = group, due = now, over = now + settings.interval }
    plan:push(group.eject)
  elseif settings then
    group.eject.over = math.min(group.eject.over, now + settings.interval)
  else
    if group.eject then
      plan:drop(group.eject)
      group.eject = nil
    end
    for _, server in ipairs(group.list) do
      server.outlier, server.ejected = {}, nil
    end
  end
end

-- Compares one server of an upstream with what is known of it.
local function sync_server(peer, now)
  local upstream = work.upstream
  if not work.is_watched then
    return record.forget(upstream.name, peer.key)
  end
  local server = work.group.servers[peer.key]
  if not server then
    server, server_count = member.new(upstream.name, peer.key, peer.block), server_count + 1
  end
  server.host, server.port, server.block = peer.host, peer.port, peer.block
  server.address = peer.address
  sync_checks(server, checks_of(upstream, peer), now)
  if not upstream.health then
    server.down, server.flap, server.known = false, {}, {}
  end
  work.servers[peer.key], work.list[#work.list + 1] = server, server
  if not peer.state then
    work.takers[#work.takers + 1] = server
  end
end

-- All servers have been compared.
local function end_work(now)
  local group, upstream, old = work.group, work.upstream, work.group.servers
  group.servers, group.list, group.takers = work.servers, work.list, work.takers
  group.is_partial = false
  if not work.is_watched then
    return
  end
  for key, server in pairs(old) do
    if not group.servers[key] then
      drop_server(server)
      record.forget(upstream.name, key)
    end
  end
  sync_ejection(group, now)
  for _, server in ipairs(group.list) do
    if server.list[1] then
      member.reconsider(server, upstream.health, now, false)
    end
  end
end

-- Another document has come before all servers were compared: those that are new are not kept.
local function abandon()
  for key, server in pairs(work and work.servers or {}) do
    if not work.group.servers[key] then drop_server(server) end
  end
  work = nil
end

local function drop_group(group)
  for _, server in pairs(group.servers) do drop_server(server) end
  if group.eject then plan:drop(group.eject) end
end

local function begin_work(name, upstream)
  local group = groups[name] or { servers = {}, list = {}, takers = {} }
  local is_watched = (upstream.health or upstream.outlier) ~= nil
  if not is_watched then
    drop_group(group)
    group = { servers = {}, list = {}, takers = {} }
  end
  group.upstream, group.is_partial = upstream, true
  groups[name] = group
  work = { group = group, upstream = upstream, is_watched = is_watched, done = 0, servers = {},
    list = {}, takers = {} }
end

-- Members and checks change together, with the view; upstreams that did not change keep their
-- object in it.
local function begin_sync(new)
  abandon()
  waiting = {}
  for name, upstream in pairs(new.upstreams) do
    local group = groups[name]
    if not group or group.is_partial or group.upstream ~= upstream then
      waiting[#waiting + 1] = name
    end
  end
  for name, group in pairs(groups) do
    if not new.upstreams[name] then
      drop_group(group)
      groups[name] = nil
    end
  end
  view = new
end

-- With tens of thousands of servers this takes a number of ticks, or requests would wait.
local function go_on(now)
  local budget = BUDGET
  while budget > 0 and (work or waiting[1]) do
    if not work then
      local name = table.remove(waiting)
      begin_work(name, view.upstreams[name])
    end
    local peer = work.upstream.list[work.done + 1]
    if peer then
      sync_server(peer, now)
      work.done = work.done + 1
    else
      end_work(now)
      work = nil
    end
    budget = budget - 1
  end
end

--- Does what is due at `now`, in monotonic seconds. `current(name, key)` is asked when a result
-- comes whether it may still be kept.
function _M.run(new, now, current)
  is_current = current
  if new ~= view then
    begin_sync(new)
  end
  go_on(now)
  local batch = {}
  while running < MAX_RUNNING do
    local item = plan:next(now)
    if not item then
      break
    elseif item.group then
      look_for_outliers(item, now)
    elseif not probe.is_active(item.settings.type) then
      look_at_counters(item, now)
    else
      item.busy, item.started, running = true, now, running + 1
      batch[#batch + 1] = { entry = item, server = item.server, settings = item.settings,
        done = function(...) return finish(item, ...) end }
      if #batch == BATCH then
        start(batch)
        batch = {}
      end
    end
  end
  if batch[1] then
    start(batch)
  end
end

--- Another worker probes: what is under way here is not kept.
function _M.stop()
  if view then
    abandon()
    for _, group in pairs(groups) do drop_group(group) end
    groups, plan, view, server_count, waiting = {}, schedule.new(), nil, 0, {}
  end
end

return _M
