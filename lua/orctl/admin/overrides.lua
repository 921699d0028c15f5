-- The admin endpoint's part for overrides, and the view of upstreams that they change.
local address = require("orctl.lib.address")
local balancer = require("orctl.balancer.phase")
local changes = require("orctl.state.changes")
local clock = require("orctl.lib.clock")
local counters = require("orctl.lib.counters")
local health = require("orctl.health.report")
local json = require("orctl.lib.json")
local leaving = require("orctl.state.leaving")
local pace = require("orctl.lib.pace")
local overrides = require("orctl.state.overrides")
local problem = require("orctl.lib.problem")
local static = require("orctl.state.static")
local view = require("orctl.state.view")

local _M = {}

-- `superseded`: the document says the weight itself by now.
local function item(upstream, key, entry)
  local known = view.now().upstreams[upstream]
  local peer = known and known.peers[key]
  return {
    upstream = upstream, superseded = peer and peer.replaced,
    server = entry.address or key, state = entry.state,
    weight = entry.weight, added = entry.add and true or nil, removed = entry.remove,
    reason = entry.reason, by = entry.by, since = clock.rfc3339(entry.since),
    expires = entry.expires and clock.rfc3339(entry.expires),
    expires_in = entry.ends and math.max(0, math.ceil(entry.ends - clock.boottime())),
  }
end

--- {items} of all overrides, by upstream and server.
function _M.list()
  local items = json.array()
  for name, upstream in pairs(view.current().overrides) do
    for key, entry in pairs(upstream.servers) do
      items[#items + 1] = item(name, key, entry)
    end
  end
  table.sort(items, function(a, b)
    return a.upstream < b.upstream or (a.upstream == b.upstream and a.server < b.server)
  end)
  return { items = items }
end

local function takes_requests(upstream, peer)
  return not peer.state and not (upstream.down and upstream.down[peer.key])
end

-- How many servers take requests, and whether `peer` is one of them.
local function available(upstream, peer)
  local count = 0
  for _, one in ipairs(upstream.list) do
    count = count + (takes_requests(upstream, one) and 1 or 0)
  end
  return count, peer ~= nil and takes_requests(upstream, peer)
end

local function is_guarded(entry)
  return entry and (entry.state or entry.remove or overrides.is_nothing(entry.weight))
end

-- The override wanted: the new entry, or nil for none; false and what problem.send() takes.
local function decide(entry, upstream, peer, request, found)
  if not upstream then
    return false, { 404, "there is no such upstream" }
  end
  if not request then
    return nil
  end
  if request.add and peer and peer.state == "removed" then
    request.add, request.remove = nil, false
  elseif request.add and peer and not peer.added then
    return false, { 422, "the document has this server already", { pointer = "/add" } }
  elseif not request.add and not peer then
    return false, { 404, "the upstream has no such server; `add` makes one" }
  end
  local new = overrides.merge(entry, request, clock.boottime(), ngx.time())
  if new then
    new.address = peer and peer.address or found.address
    new.host, new.port = found.host, found.port
  end
  local ends = entry and entry.add and not new
  if (is_guarded(new) or ends) and not request.ignore_min_healthy then
    local count, is_one = available(upstream, peer)
    if is_one and count - 1 < upstream.min_healthy then
      return false, { 409, ("%d servers of the upstream take requests, and min_healthy is %d")
        :format(count, upstream.min_healthy), { code = "min_healthy" } }
    end
  end
  return new
end

local refusals = {
  busy = { 503, "other updates are in progress; try again" },
  full = { 507, "the override does not fit into lua_shared_dict orctl; nothing was changed" },
}

local function change(name, text, request)
  local host, port, key = address.parse(text)
  if not host then
    return problem.send(404, "a server is an address literal and a port, such as 10.0.0.1:8080")
  end
  local refusal
  local entry, reason, err = changes.override(name, key, function(old, upstream, peer)
    local new, why = decide(old, upstream, peer, request,
      { address = text, host = host, port = port })
    refusal = why
    return new
  end)
  if entry ~= false then
    return entry and item(name, key, entry) or { upstream = name, server = text }
  elseif refusal then
    return problem.send(unpack(refusal))
  elseif reason == "unsaved" then
    return problem.send(507, "the override cannot be saved, and nothing was changed: " .. err)
  end
  return problem.send(unpack(refusals[reason]))
end

--- Changes the override of a server as the JSON text asks; the override, or a problem was sent.
function _M.put(name, server, text)
  local listeners = static.listeners(name)
  if listeners then
    return problem.send(409, ("nginx itself balances upstream '%s' for %s, and no override reaches "
      .. "that"):format(name, table.concat(listeners, ", ")), { code = "fixed" })
  end
  local request, err = json.decode(text)
  if err then
    return problem.send(400, "not a JSON document: " .. err:gsub("[^ -~]", "?"))
  end
  local faults = overrides.check(request)
  if faults.count > 0 then
    return problem.send(422, faults[1].pointer .. ": " .. faults[1].detail,
      { pointer = faults[1].pointer, errors = json.array(faults) })
  end
  return change(name, server, request)
end

--- Ends the override of a server; what is left of it, or a problem was sent.
function _M.delete(name, server)
  local host, _, key = address.parse(server)
  local known = view.current().overrides[name]
  if not host or not known or not known.servers[key] then
    return problem.send(404, "there is no such override")
  end
  return change(name, server, nil)
end

-- The weight after overrides; of a server that starts slowly, as far as it has come.
local function weight_now(peer)
  local ramp = peer.ramp
  return ramp and math.floor(peer.effective_weight * ramp * 100 + 0.5) / 100
    or peer.effective_weight
end

local function server_item(upstream, peer, entries)
  local b = peer.block
  if static.is_alone(upstream.name) then
    local entry = entries[peer.key]
    return { address = peer.address, weight = peer.document_weight, backup = peer.backup,
      max_conns = peer.max_conns, override = entry and item(upstream.name, peer.key, entry) or nil }
  end
  local verdict, last = health.server(upstream, peer.key)
  local entry = entries[peer.key]
  return {
    address = peer.address, weight = peer.document_weight, backup = peer.backup,
    effective_weight = weight_now(peer), max_conns = peer.max_conns,
    state = balancer.state_of(upstream, peer), health = verdict,
    in_flight = counters.sum(b, counters.IN_FLIGHT),
    requests = counters.sum(b, counters.REQUESTS),
    failures = counters.sum(b, counters.FAILURES),
    last_check = last,
    override = entry and item(upstream.name, peer.key, entry) or nil,
  }
end

--- An upstream as it is served: {name, balance, servers}. Servers that left are among them until
-- their last request has ended.
function _M.upstream(upstream)
  local known = view.current().overrides[upstream.name]
  local entries = known and known.servers or {}
  local servers = json.array()
  for i, peer in ipairs(upstream.list) do
    pace.step(4)
    servers[i] = server_item(upstream, peer, entries)
  end
  for _, key in ipairs(leaving.of(upstream.name)) do
    local b = not upstream.peers[key] and counters.find("peer", upstream.name .. "/" .. key)
    local in_flight = b and counters.sum(b, counters.IN_FLIGHT) or 0
    if in_flight > 0 then
      servers[#servers + 1] = { address = key, state = "removed", in_flight = in_flight,
        requests = counters.sum(b, counters.REQUESTS),
        failures = counters.sum(b, counters.FAILURES) }
    end
  end
  return { name = upstream.name, balance = upstream.balance, min_healthy = upstream.min_healthy,
    fixed = static.listeners(upstream.name), servers = servers }
end

return _M
