-- From a request to a server: route, pick, retry. Runs in the balancer phase and nowhere else.
local address = require("orctl.address")
local counters = require("orctl.counters")
local ffi = require("ffi")
local get_request = require("resty.core.base").get_request
local match = require("orctl.router").match
local ngx_balancer = require("ngx.balancer")
local record = require("orctl.metrics.record")

local _M = {}

local get_last_failure = ngx_balancer.get_last_failure
local set_current_peer = ngx_balancer.set_current_peer
local set_more_tries = ngx_balancer.set_more_tries
local set_timeouts = ngx_balancer.set_timeouts
local routed, retried, record_done = record.routed, record.retried, record.done
local var = ngx.var
local uintptr = ffi.typeof("uintptr_t")

local IN_FLIGHT, REQUESTS, FAILURES = counters.IN_FLIGHT, counters.REQUESTS, counters.FAILURES
local SPARE = counters.SPARE

local found        -- in an instance with policies: the route that the rewrite phase has found
local row          -- of this worker's counters
local pending = {} -- by the address of its request: the server that a try is with

-- proxy_connect_timeout, proxy_send_timeout and proxy_read_timeout as nginx.conf has them.
local CONNECT, SEND, READ = 5, 60, 60

local strategies = {
  round_robin = require("orctl.balancer.round_robin"),
}

local function rotation(strategy, peers, old, turns)
  if #peers == 0 then
    return nil
  end
  if old then
    old:sync(peers)
    return old
  end
  return strategy.new(peers, turns)
end

--- What requests to an upstream are served from, made of its part of the document. Servers with a
-- `state` get no new requests. Takes the place
-- in the rotation and the counters from `old`, the same upstream before a change, if there is one.
-- `turns` lets workers begin at different servers.
function _M.build(part, version, old, turns)
  local stats = old and old.stats.block ~= SPARE and old.stats
    or { block = counters.block("upstream", part.name) }
  local peers, primary, backup, list = {}, {}, {}, {}
  for i, server in ipairs(part.servers) do
    local known = old and old.peers[server.key]
    local peer = { key = server.key, host = server.host, port = server.port,
      address = server.address, backup = server.backup, state = server.state,
      weight = server.scaled or server.weight, document_weight = server.weight,
      effective_weight = server.effective_weight or server.weight, added = server.added,
      block = known and known.block ~= SPARE and known.block
        or counters.block("peer", part.name .. "/" .. server.key),
      stats = stats }
    peers[peer.key], list[i] = peer, peer
    if not peer.state then
      local group = peer.backup and backup or primary
      group[#group + 1] = peer
    end
  end
  local strategy = strategies[part.balance]
  local same = old and old.balance == part.balance and old or {}
  local usual = part.connect_timeout == CONNECT and part.send_timeout == SEND
    and part.read_timeout == READ
  return {
    name = part.name, version = version, balance = part.balance, health = part.health,
    peers = peers, list = list, stats = stats, min_healthy = part.min_healthy,
    primary = rotation(strategy, primary, same.primary, turns),
    backup = rotation(strategy, backup, same.backup, turns),
    more_tries = math.max(0, math.min(part.retries, #primary + #backup - 1)),
    timeouts = not usual
      and { part.connect_timeout, part.send_timeout, part.read_timeout } or nil,
  }
end

--- In the master of an instance with policies: `route` gives what the rewrite phase has found.
function _M.follow(route)
  found = route
end

--- What a server of an upstream is now: "up", "down", or what an override has made of it.
function _M.state_of(upstream, peer)
  return peer.state or upstream.down and upstream.down[peer.key] and "down" or "up"
end

--- In a worker that begins, when it has its counters.
function _M.start()
  row = counters.row()
end

-- Keys of the servers this request has tried.
local function tried_servers()
  local tried = {}
  for text in (var.upstream_addr or ""):gmatch("[^%s,]+") do
    local _, _, key = address.parse(text)
    if key then
      tried[key] = true
    end
  end
  return tried
end

local function pick(upstream, tried)
  local peer = upstream.primary and upstream.primary:pick(tried)
  return peer or upstream.backup and upstream.backup:pick(tried)
end

-- Servers that are down come last: with all of them down, trying is better than refusing.
local function pick_well(upstream, tried)
  local down = upstream.down
  if not down then
    return pick(upstream, tried)
  end
  local out = {}
  for key in pairs(down) do out[key] = true end
  for key in pairs(tried or {}) do out[key] = true end
  return pick(upstream, out) or pick(upstream, tried)
end

-- Ends the try that a request is in.
local function leave(request)
  local peer = pending[request]
  if peer then
    pending[request] = nil
    local at = peer.block + IN_FLIGHT
    row[at] = row[at] - 1
  end
  return peer
end

local function count_failure(peer)
  local at = peer.block + FAILURES
  row[at] = row[at] + 1
end

local function retry(upstream, request, status)
  local failed = leave(request)
  if failed then
    count_failure(failed)
    retried(failed, status)
  end
  local tried = tried_servers()
  -- nginx repeats a request without counting it when a kept connection turns out to be closed.
  -- Only then can every server have been tried, and trying one again is right.
  return pick_well(upstream, tried) or pick(upstream)
end

-- ngx.exit(404) would be a 500 on a plain nginx, so the status travels in a variable to the
-- error page. $orctl_error is declared by a map: nothing happens to it on the way to a server.
-- NGX_BUSY, "no live upstreams", is a 502 of nginx; NGX_ERROR would be a 500 and end the client's
-- connection.
local NGX_BUSY = -3

local function refuse(status)
  var.orctl_error = status
  return ngx.exit(NGX_BUSY)
end

local client = {
  method = ngx.req.get_method,
  header = function(name) return var[name] end,
}

local function match_route(snapshot)
  return match(snapshot.router, var.host, var.uri, client)
end

--- For the rewrite phase: the route of the current request; nil if none matches. It is counted from
-- here on, as it may be answered without a server.
function _M.route(snapshot)
  local route = match_route(snapshot)
  if route then
    routed(tonumber(ffi.cast(uintptr, get_request())), route, snapshot.generation)
  end
  return route
end

local function route_of(snapshot)
  local route = found and found()
  -- An update that came since may have taken the upstream away.
  return route and snapshot.upstreams[route.upstream] and route or match_route(snapshot)
end

--- Chooses the server for one try of the current request.
function _M.run(snapshot)
  local route = route_of(snapshot)
  local upstream = route and snapshot.upstreams[route.upstream]
  if not upstream then
    return refuse("404")
  end
  local request = tonumber(ffi.cast(uintptr, get_request()))
  routed(request, route, snapshot.generation)
  local failure, status = get_last_failure()
  local peer
  if failure then
    peer = retry(upstream, request, status)
  else
    peer = pick_well(upstream)
    local more = upstream.more_tries
    if more > 0 then
      set_more_tries(more)
    end
  end
  if not peer then
    return refuse("503")
  end
  local block = peer.block
  row[block + IN_FLIGHT] = row[block + IN_FLIGHT] + 1
  row[block + REQUESTS] = row[block + REQUESTS] + 1
  pending[request] = peer
  local timeouts = upstream.timeouts
  if timeouts then
    set_timeouts(timeouts[1], timeouts[2], timeouts[3])
  end
  local own = route.timeouts
  if own then
    set_timeouts(own[1], own[2], own[3])
  end
  local ok, err = set_current_peer(peer.host, peer.port)
  if not ok then
    ngx.log(ngx.ERR, "cannot use server ", peer.address, ": ", err)
    return refuse("502")
  end
end

--- Counts the last try of a request that no server answered; for the error page.
function _M.failed()
  local peer = pending[tonumber(ffi.cast(uintptr, get_request()))]
  if peer then
    count_failure(peer)
  end
end

--- log_by_lua: the request has ended, and with it the last try.
function _M.done()
  local request = tonumber(ffi.cast(uintptr, get_request()))
  record_done(request, leave(request))
end

return _M
