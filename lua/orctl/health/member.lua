-- One server as the worker that probes sees it: what its checks say together, whether it is down
-- or ejected and since when, and its last probes. Each change goes into the shared record.
local check_failed = require("orctl.metrics.record").check_failed
local counters = require("orctl.lib.counters")
local judge = require("orctl.health.judge")
local record = require("orctl.health.record")
local shared = require("orctl.state.shared")

local _M = {}

local HELD = "its checks are well; held down because it changed too often"

--- A server as another worker has left it, or one that nothing is known of: up. `block` is that of
-- its counters; what they hold already is not held against it.
function _M.new(name, key, block)
  local known = record.state(name, key) or {}
  local probes = record.probes(name, key) or { total = 0, failed = 0, last = {}, history = {} }
  local server = { upstream = name, key = key, checks = {}, list = {}, lines = {},
    down = known.down or false, since = known.since, reason = known.reason,
    flap = known.flap or {}, outlier = known.outlier or {}, ejected = known.ejected,
    known = known.checks or {}, total = probes.total, failed = probes.failed, last = {} }
  for i, line in ipairs(probes.history) do
    server.lines[i] = record.line(unpack(line, 1, 5))
  end
  for _, line in ipairs(probes.last) do
    server.last[line[1]] = line
  end
  local outlier = server.outlier
  outlier.seen_requests = counters.sum(block, counters.REQUESTS)
  outlier.seen_failures = counters.sum(block, counters.ERRORS)
  outlier.base = outlier.seen_failures
  return server
end

--- Sets up a new check as it was known before; one that is new altogether begins as the server
-- stands.
function _M.restore(server, entry)
  local name = entry.settings.name
  local down, last = server.known[name], server.last[name]
  if down == nil then down = server.down end
  entry.down = down
  if last then
    entry.line, entry.error = record.line(unpack(last, 1, 5)), last[5]
  end
end

local function save(server, changed)
  server.known = {}
  for _, entry in ipairs(server.list) do
    server.known[entry.settings.name] = entry.down
  end
  local ok, err = record.set_state(server.upstream, server.key, { down = server.down,
    since = server.since, reason = server.reason, checks = server.known, flap = server.flap,
    outlier = server.outlier, ejected = server.ejected }, changed)
  if not ok then
    ngx.log(ngx.ERR, "the health of a server is not told to the workers: ", err)
  elseif changed then
    shared.bump()
  end
end

--- Keeps one more probe, of which the last `most` are kept.
function _M.remember(server, entry, ok, err, seconds, most)
  entry.error = err
  entry.line = record.line(entry.settings.name, ok, ngx.now(), seconds, err)
  local lines, last = server.lines, {}
  lines[#lines + 1] = entry.line
  for _ = 1, #lines - most do
    table.remove(lines, 1)
  end
  for _, one in ipairs(server.list) do
    last[#last + 1] = one.line
  end
  server.total = server.total + 1
  if not ok then
    server.failed = server.failed + 1
    check_failed(server)
  end
  record.set_probes(server.upstream, server.key,
    record.probes_text(server.total, server.failed, last, lines))
end

local function reason_of(server)
  local parts = {}
  for _, entry in ipairs(server.list) do
    if entry.down then
      parts[#parts + 1] = entry.settings.name .. ": " .. (entry.error or "not well")
    end
  end
  return table.concat(parts, "; ")
end

local function tell(server, ...)
  ngx.log(ngx.WARN, "server ", server.address, " of upstream ", server.upstream, " is ", ...)
end

--- Puts together what the checks of a server say, `health.need` of which must be well; `changed`
-- says that one of them has changed its mind.
function _M.reconsider(server, health, now, changed)
  local well = judge.well(server.list, health.need)
  if not well and not server.down then
    judge.fell(server.flap, health.flap, now)
    server.down, server.since, server.reason = true, ngx.now(), reason_of(server)
    save(server, true)
    tell(server, "down: ", server.reason)
  elseif well and server.down and not judge.is_held(server.flap, health.flap, now) then
    judge.rose(server.flap, now)
    server.down, server.since, server.reason = false, ngx.now(), nil
    save(server, true)
    tell(server, "up")
  elseif changed then
    if server.down then
      server.reason = well and HELD or reason_of(server)
    end
    save(server, false)
  end
end

--- Leaves a server out until `till`, or takes it back (nil); `reason` if it is a new ejection.
function _M.eject(server, till, reason)
  server.ejected, server.since = till, ngx.now()
  if not server.down then
    server.reason = till and (reason or "ejected again, as enough others are left") or nil
  end
  save(server, true)
  if till then
    tell(server, "ejected: ", reason or "again, as enough others are left")
  else
    tell(server, "no longer ejected")
  end
end

return _M
