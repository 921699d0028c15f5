-- Health as the admin endpoint tells it.
local json = require("orctl.lib.json")
local record = require("orctl.health.record")
local static = require("orctl.state.static")
local step = require("orctl.lib.pace").step

local _M = {}

-- RFC 3339, with milliseconds.
local function time_text(at)
  local seconds = math.floor(at)
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds)
    .. (".%03dZ"):format(math.floor((at - seconds) * 1000))
end

local function probe_item(line, types)
  return { name = line[1], type = types and types[line[1]], ok = line[2], at = time_text(line[3]),
    seconds = line[4], error = line[5] }
end

local function probe_list(lines, types)
  local list = json.array()
  for _, line in ipairs(lines) do
    list[#list + 1] = probe_item(line, types)
  end
  return list
end

--- Health of one server for the list of servers: what its checks say ("up", "down", or "unknown"
-- before the first one), and the last probe.
function _M.server(upstream, key)
  if not upstream.health then
    return "unknown"
  end
  local state, probes = record.state(upstream.name, key), record.probes(upstream.name, key)
  local last = probes and probes.history[#probes.history]
  return state and state.down and "down" or probes and "up" or "unknown",
    last and probe_item(last) or nil
end

local function item(upstream, peer, types)
  local state = record.state(upstream.name, peer.key) or {}
  local probes = upstream.health and record.probes(upstream.name, peer.key)
    or { last = {}, history = {}, total = 0, failed = 0 }
  return {
    upstream = upstream.name, server = peer.address, state = record.state_name(upstream, state),
    since = state.since and time_text(state.since), reason = state.reason,
    probes = probes.total, failed = probes.failed,
    checks = probe_list(probes.last, types), history = probe_list(probes.history),
  }
end

--- Answer of GET /v1/health: every server of an upstream with checks or ejection.
function _M.all(upstreams)
  local names, items = {}, json.array()
  for name, upstream in pairs(upstreams) do
    local is_known = not static.is_alone(name)
    if is_known and (upstream.health or upstream.outlier) then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local upstream, types = upstreams[name], {}
    for _, check in ipairs(upstream.health and upstream.health.checks or {}) do
      types[check.name] = check.type
    end
    for _, peer in ipairs(upstream.list) do
      step(4)
      items[#items + 1] = item(upstream, peer, types)
    end
  end
  return { items = items }
end

return _M
