-- GET /v1/summary: how the instance is, in few words however large its document is.
local balancer = require("orctl.balancer.phase")
local clock = require("orctl.lib.clock")
local counters = require("orctl.lib.counters")
local json = require("orctl.lib.json")
local pace = require("orctl.lib.pace")
local recent = require("orctl.metrics.recent")
local health = require("orctl.health.record")
local static = require("orctl.state.static")
local view = require("orctl.state.view")

local _M = {}

local MOST = 10 -- servers of an upstream that are named

-- What is wrong with a server that should take requests, in words; nil if nothing is known to be.
local function fault_of(upstream, peer, state, rows, now)
  if state ~= "up" then
    local known = health.state(upstream.name, peer.key)
    return known and known.reason or state
  end
  -- whoever has checks is judged by them
  local is_counted = not upstream.health and peer.block ~= counters.SPARE
  return is_counted and recent.fails(rows, peer.block, now) and "its last tries failed" or nil
end

-- `off` are those that get no requests because somebody wants it so.
local function upstream_item(upstream, rows, now)
  local item = { name = upstream.name, servers = #upstream.list, up = 0, off = 0, down = 0,
    faults = json.array() }
  if static.is_alone(upstream.name) then
    return { name = upstream.name, servers = #upstream.list, uncounted = true }
  end
  for _, peer in ipairs(upstream.list) do
    pace.step(2)
    if peer.state or peer.effective_weight == 0 then
      item.off = item.off + 1
    else
      local state = balancer.state_of(upstream, peer)
      local why = fault_of(upstream, peer, state, rows, now)
      local is = why and "down" or "up"
      item[is] = item[is] + 1
      if why and #item.faults < MOST then
        item.faults[#item.faults + 1] = { server = peer.address,
          state = state == "up" and "failing" or state, reason = why }
      end
    end
  end
  return item
end

local function draining(now)
  local list = json.array()
  counters.each_leaving(function(pid, since)
    list[#list + 1] = { pid = pid, seconds = math.floor(math.max(0, now - since)) }
  end)
  return list
end

--- What it answers.
function _M.get()
  local rows, now = {}, clock.boottime()
  counters.each_row(function(row) rows[#rows + 1] = row end)
  local list, items = {}, json.array()
  for _, upstream in pairs(view.current().upstreams) do list[#list + 1] = upstream end
  table.sort(list, function(a, b) return a.name < b.name end)
  for i, upstream in ipairs(list) do
    items[i] = upstream_item(upstream, rows, now)
  end
  local requests, errors, fallen = recent.minute(rows, now)
  return { seconds = recent.SECONDS, requests = requests, errors = errors, fallen = fallen,
    upstreams = items, draining = draining(now) }
end

return _M
