-- Health of the servers. One worker probes for all (leader.lua); each worker follows what it has
-- found, one changed server at a time, so that a server that comes or goes rebuilds nothing.
local clock = require("orctl.lib.clock")
local leader = require("orctl.health.leader")
local lease = require("orctl.health.lease")
local record = require("orctl.health.record")
local step = require("orctl.lib.pace").step
local shared = require("orctl.state.shared")

local _M = {}

local MOST_CHANGES = 128 -- that are followed one by one
local NOTE = "probes"    -- the beat of the worker that probes

local mine               -- the lease of this worker
local leading = false

local function set(upstream, key)
  local state = record.state_name(upstream, record.state(upstream.name, key))
  if state ~= "up" then
    upstream.down = upstream.down or {}
    upstream.down[key] = state
  elseif upstream.down then
    upstream.down[key] = nil
    upstream.down = next(upstream.down) and upstream.down or nil
  end
end

--- Notes in an upstream which of its servers are down or ejected. `back(upstream, keys)` is told of
-- the set of those that were and are not any more, among others.
function _M.apply(upstream, back)
  local before = upstream.down
  upstream.down = nil
  if upstream.health or upstream.outlier then
    for _, peer in ipairs(upstream.list) do
      step()
      set(upstream, peer.key)
    end
  end
  back(upstream, before)
end

local function apply_one(upstream, key, back)
  local before = upstream.down and upstream.down[key]
  set(upstream, key)
  if before then
    back(upstream, { [key] = true })
  end
end

--- Number of the last change of any server's health.
_M.last_change = record.last_change

--- Takes over what has changed since the change numbered `seen`, nil for all; returns the number
-- of the last one. `back` as for apply().
function _M.follow(upstreams, seen, back)
  local last = record.last_change()
  local number = seen and last - seen <= MOST_CHANGES and seen or nil
  while number and number < last do
    number = number + 1
    local name, key = record.change(number)
    if not name then
      number = nil
    elseif upstreams[name] and upstreams[name].peers[key] then
      apply_one(upstreams[name], key, back)
    end
  end
  if not number then
    for _, upstream in pairs(upstreams) do
      _M.apply(upstream, back)
    end
  end
  return last
end

--- A tick of 50 ms in every worker. `boot` is the cycle of its master; `is_current(name, key)`
-- says whether a server is still served when the result of a check comes.
function _M.tick(view, boot, is_current)
  local me = { pid = ngx.worker.pid(), boot = boot, id = ngx.worker.id() }
  mine = mine or lease.new(me)
  local beat
  beat, leading = mine:step(shared.note(NOTE))
  if beat then
    shared.set_note(NOTE, beat)
  end
  if not leading then
    return leader.stop()
  end
  leader.run(view, clock.boottime(), function(name, key)
    local now = shared.note(NOTE)
    return now and now.pid == me.pid and now.boot == boot and is_current(name, key)
  end)
end

--- Whether this worker is the one that probes.
function _M.leads()
  return leading
end

return _M
