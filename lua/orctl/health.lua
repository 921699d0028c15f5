-- Active health checks. One worker probes for all; the others learn of a change by a version of
-- its own in the shared dictionary, so that a server that comes or goes rebuilds nothing.
--
-- Who probes: worker 0 of the newest cycle. nginx starts a dead worker again under its number at
-- once, so this needs no lease, and no clock that could be set back while the leader is dead.
local check_failed = require("orctl.metrics.record").check_failed
local store = require("orctl.store")

local _M = {}

local checks = {
  http = require("orctl.health.http"),
  tcp = require("orctl.health.tcp"),
}

local MAX_RUNNING = 64 -- of the 256 timers that nginx runs at once

local entries = {}     -- by upstream and server: down, streak, due, busy; in the worker that probes
local running, now = 0, 0

-- `streak` counts the results in a row that speak against the present state.
local function judge(entry, settings, ok)
  if ok == not entry.down then
    entry.streak = 0
    return false
  end
  entry.streak = entry.streak + 1
  if entry.streak < (ok and settings.rise or settings.fall) then
    return false
  end
  entry.down, entry.streak = not ok, 0
  return true
end

local function probe(premature, entry, upstream, peer, is_current)
  if not premature then
    local settings = upstream.health
    local called, ok, err = pcall(checks[settings.type].check, peer.host, peer.port,
      settings.timeout, settings.path)
    if not called then
      ok, err = false, tostring(ok)
    end
    if is_current(upstream.name, peer.key) then
      if not ok then
        check_failed(peer)
      end
      local flipped = judge(entry, settings, ok)
      store.set_health(upstream.name, peer.key,
        { down = entry.down, ok = ok, error = not ok and err or nil }, flipped)
      if flipped then
        ngx.log(ngx.WARN, "server ", peer.address, " of upstream ", upstream.name, " is ",
          entry.down and "down: " .. err or "up")
      end
    end
  end
  entry.busy, running = false, running - 1
end

local function entry_of(name, key)
  local id = name .. "/" .. key
  local entry = entries[id]
  if not entry then
    -- Whoever probed before has left word of the state, not of the streak.
    local known = store.health(name, key)
    entry = { down = known and known.down or false, streak = 0, due = 0, busy = false }
    entries[id] = entry
  end
  entry.seen = now
  return entry
end

--- Starts the probes that are due, `elapsed` seconds after the last call. `is_current(name, key)`
-- says whether a server is still there, and whether this worker still probes, when its result has
-- come.
function _M.run(upstreams, elapsed, is_current)
  now = now + elapsed
  for name, upstream in pairs(upstreams) do
    for _, peer in ipairs(upstream.health and upstream.list or {}) do
      local entry = entry_of(name, peer.key)
      local wanted = peer.state ~= "maint" and peer.state ~= "removed"
      if wanted and not entry.busy and entry.due <= now and running < MAX_RUNNING then
        local started = ngx.timer.at(0, probe, entry, upstream, peer, is_current)
        if started then
          entry.busy, entry.due, running = true, now + upstream.health.interval, running + 1
        end
      end
    end
  end
  for id, entry in pairs(entries) do
    if entry.seen ~= now and not entry.busy then
      entries[id] = nil
    end
  end
end

--- Notes in an upstream which of its servers are down, as the worker that probes has found.
function _M.apply(upstream)
  upstream.down = nil
  for _, peer in ipairs(upstream.health and upstream.list or {}) do
    local known = store.health(upstream.name, peer.key)
    if known and known.down then
      upstream.down = upstream.down or {}
      upstream.down[peer.key] = true
    end
  end
end

return _M
