-- From a request to a server: route, pick, retry. Runs in the balancer phase and nowhere else.
local address = require("orctl.lib.address")
local canaries = require("orctl.policy.canary")
local choice = require("orctl.balancer.choice")
local counters = require("orctl.lib.counters")
local ffi = require("ffi")
local get_request = require("resty.core.base").get_request
local ngx_balancer = require("ngx.balancer")
local passive = require("orctl.health.passive")
local body_size = require("orctl.policy.client_max_body_size")
local paths = require("orctl.route.path")
local record = require("orctl.metrics.record")
local router = require("orctl.route.router")
local step = require("orctl.lib.pace").step

local _M = {}

local is_plain, readings = paths.is_plain, paths.readings
local match, match_host = router.match, router.match_host
local get_last_failure = ngx_balancer.get_last_failure
local set_current_peer = ngx_balancer.set_current_peer
local set_more_tries = ngx_balancer.set_more_tries
local set_timeouts = ngx_balancer.set_timeouts
local found, routed, diverted = record.route, record.routed, record.diverted
local retried, record_done, forget_route = record.retried, record.done, record.forget
local var = ngx.var
local takes, was_too_large = canaries.takes, body_size.was_too_large
local choose, pick = choice.choose, choice.pick
local now = ngx.now
local uintptr = ffi.typeof("uintptr_t")

local IN_FLIGHT, REQUESTS, FAILURES = counters.IN_FLIGHT, counters.REQUESTS, counters.FAILURES
local SPARE = counters.SPARE

local has_phases = false -- for policies: then the rewrite phase has found the route
local row = counters.row() -- of this worker's counters
local pending = {} -- by the address of its request: the server that a try is with
local inner = {}   -- by connection and request: subrequests that chose a server
local unanswered = {} -- requests whose last try counts as failed already

-- proxy_connect_timeout, proxy_send_timeout and proxy_read_timeout as nginx.conf has them.
local CONNECT, SEND, READ = 5, 60, 60

--- What requests to an upstream are served from, made of its part of the document. Servers with a
-- `state` get no new requests, but for sessions of one in state drain. Takes the place
-- in the rotation and the counters from `old`, the same upstream before a change, if there is one.
-- `turns` lets workers begin at different servers; `may_begin`, servers that are new start slowly.
function _M.build(part, version, old, turns, may_begin)
  local stats = old and old.stats.block ~= SPARE and old.stats
    or { block = counters.block("upstream", part.name) }
  local peers, primary, backup, list = {}, {}, {}, {}
  local watched = passive.is_needed(part) or nil
  for i, server in ipairs(part.servers) do
    local known = old and old.peers[server.key]
    step()
    local peer = { key = server.key, host = server.host, port = server.port,
      address = server.address, backup = server.backup, state = server.state,
      weight = server.scaled or server.weight, document_weight = server.weight,
      effective_weight = server.effective_weight or server.weight, added = server.added,
      replaced = server.replaced,
      max_conns = server.max_conns,
      block = known and known.block ~= SPARE and known.block
        or counters.block("peer", part.name .. "/" .. server.key),
      stats = stats, watched = watched, upstream = part.name }
    peers[peer.key], list[i] = peer, peer
    if not peer.state then
      local group = peer.backup and backup or primary
      group[#group + 1] = peer
    end
  end
  local usual = part.connect_timeout == CONNECT and part.send_timeout == SEND
    and part.read_timeout == READ
  -- A session may begin at a server that takes no new requests.
  local usable = part.sticky and #list or #primary + #backup
  local upstream = {
    name = part.name, version = version, balance = part.balance, health = part.health,
    outlier = part.outlier,
    peers = peers, list = list, stats = stats, min_healthy = part.min_healthy,
    primary = primary, backup = backup,
    more_tries = math.max(0, math.min(part.retries, usable - 1)),
    timeouts = not usual
      and { part.connect_timeout, part.send_timeout, part.read_timeout } or nil,
  }
  choice.prepare(upstream, part, old, turns, may_begin)
  return upstream
end

--- In the master of an instance with policies: routes are found in the rewrite phase.
function _M.use_phases()
  has_phases = true
end

--- What a server of an upstream is now: "up", "down", "ejected", or what an override made of it.
function _M.state_of(upstream, peer)
  return peer.state or upstream.down and upstream.down[peer.key] or "up"
end

--- In a worker that begins, when it has its counters.
function _M.start()
  row = counters.row()
  math.randomseed(ngx.worker.pid() + now() * 1000) -- or all workers would draw alike
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

-- Begins a try.
local function enter(peer, request)
  local at = peer.block + IN_FLIGHT
  row[at] = row[at] + 1
  pending[request] = peer
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

-- Names the client's request that the current one belongs to.
local function main_key()
  return var.connection .. "/" .. var.connection_requests
end

-- A subrequest (of a mirror, or whatever an overlay makes) has no log phase: it ends with the
-- client's request at the latest.
local function note_inner(request)
  local key = main_key()
  local list = inner[key]
  if not list then
    list = {}
    inner[key] = list
  end
  list[#list + 1] = request
end

local function end_inner()
  local key = main_key()
  local list = inner[key]
  if not list then
    return
  end
  inner[key] = nil
  for i = 1, #list do
    leave(list[i])
    unanswered[list[i]] = nil
    forget_route(list[i])
  end
end

local function count_failure(peer)
  local at = peer.block + FAILURES
  row[at] = row[at] + 1
  if peer.measured then
    peer.measured:done(peer, nil)
  end
  if peer.watched then
    passive.failed(row, peer.block)
  end
end

local function retry(upstream, request, status)
  local failed = leave(request)
  local budget, peer = upstream.budget, nil
  if not budget or budget:spend(now()) then
    -- nginx repeats a request without counting it when a kept connection turns out to be closed.
    -- Only then can every server have been tried, and trying one again is right.
    peer = choose(upstream, tried_servers()) or choose(upstream)
  end
  if failed and peer then
    count_failure(failed)
    retried(failed, status)
  elseif failed then
    enter(failed, request) -- it was the last one, and ends with the request
  end
  return peer
end

local function first(upstream)
  local more = upstream.more_tries
  if more > 0 then
    set_more_tries(more + 1) -- the server in nginx.conf, which is down, gives none
  end
  if not upstream.special and not upstream.down then
    return pick(upstream)
  end
  local budget = upstream.budget
  if budget then
    budget:request(now())
  end
  return choose(upstream)
end

-- ngx.exit(404) would be a 500 on a plain nginx, so the status travels in a variable to the
-- error page. $orctl_error is declared by a map: nothing happens to it on the way to a server.
-- NGX_ERROR would be a 500 and end the client's connection. NGX_DECLINED is a 502 of nginx that is
-- logged nowhere if there are no tries left, as at first: the server in nginx.conf is down, so it
-- counts for none. After a failure there may be some, and nginx would ask again, for ever: NGX_BUSY
-- ends that, and logs "no live upstreams".
local NGX_BUSY, NGX_DECLINED = -3, -5

local function refuse(status)
  var.orctl_error = status
  return ngx.exit(get_last_failure() and NGX_BUSY or NGX_DECLINED)
end

--- Balancer phase: answers the request with this status, a text, instead of choosing a server.
_M.refuse = refuse

local client = {
  method = ngx.req.get_method,
  header = function(name) return var[name] end,
}

local function is_read_so(routes, host, path, raw, route)
  local literal, liberal = readings(raw)
  return (literal == path or match(routes, host, literal, client) == route)
    and (liberal == path or match(routes, host, liberal, client) == route)
end

-- The route of a path, if it has the same one however a server reads it; else none: a client could
-- reach what one route guards by way of another. What stands behind a # is sent on by a route that
-- changes no path, and left out by others.
local function means_one(routes, host, path, raw, route)
  local before = raw:match("^([^?]-)#")
  return is_read_so(routes, host, path, raw, route)
    and (not before or is_read_so(routes, host, path, before, route)) and route or nil
end

-- A variable of nginx costs more than a look into a table: none is read that decides nothing.
local function match_route(view)
  local routes = view.router
  local only = routes.only
  if only then
    return only
  end
  local host = var.host
  local route = match_host(routes, host)
  if route then
    return route
  end
  local path = var.uri
  route = match(routes, host, path, client)
  local raw = var.request_uri
  if not is_plain(path, raw) then
    return means_one(routes, host, path, raw, route)
  end
  return route
end

--- For the rewrite phase: the route of the current request; nil if none matches. It is counted from
-- here on, as it may be answered without a server.
function _M.route(view)
  local route = match_route(view)
  if route then
    routed(tonumber(ffi.cast(uintptr, get_request())), route, view.generation)
  end
  return route
end

local function route_of(view, request)
  if not has_phases then
    return match_route(view)
  end
  local route = found(request)
  -- An update that came since may have taken the upstream away.
  return route and view.upstreams[route.upstream] and route or _M.route(view)
end

-- The upstream that a request of `route` goes to. `tried` is the server of the try before this one,
-- nil if this is the first: a further try stays with its upstream.
local function upstream_of(view, route, tried)
  local upstreams, canary, name = view.upstreams, route.canary, route.upstream
  if canary then
    name = tried and tried.upstream or not tried and takes(canary) and canary.upstream or name
  end
  return upstreams[name] or upstreams[route.upstream]
end

--- Chooses the server for one try of the current request.
function _M.run(view)
  local request = tonumber(ffi.cast(uintptr, get_request()))
  local route = route_of(view, request)
  local failure, status = get_last_failure()
  if not failure and pending[request] then
    leave(request) -- the answer of that try was an order to nginx to ask elsewhere
  end
  local upstream = route and upstream_of(view, route, failure and pending[request])
  if not upstream then
    return refuse("404")
  end
  local peer
  if failure then
    peer = retry(upstream, request, status)
  else
    if not has_phases then
      routed(request, route, view.generation)
    end
    if upstream.name ~= route.upstream then
      diverted(route)
    end
    if has_phases and was_too_large(route) then
      return refuse("413")
    end
    peer = first(upstream)
    if ngx.is_subrequest then
      note_inner(request)
    end
  end
  if not peer then
    return refuse(not failure and "503" or status == 504 and "504" or "502")
  end
  if peer.max_conns then
    pending[request] = peer -- its place is taken already
  else
    enter(peer, request)
  end
  local at = peer.block + REQUESTS
  row[at] = row[at] + 1
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
  local request = tonumber(ffi.cast(uintptr, get_request()))
  local peer = pending[request]
  if peer then
    count_failure(peer)
    unanswered[request] = peer.watched
  end
end

-- Tells the strategy how long the server took to begin its answer; nothing if it did not.
local function measure(peer)
  local seconds = (var.upstream_header_time or ""):match("[%d.]+$")
  if seconds then
    peer.measured:done(peer, tonumber(seconds))
  end
end

--- log_by_lua: the request has ended, and with it the last try. True, as it is counted.
function _M.done()
  local request = tonumber(ffi.cast(uintptr, get_request()))
  local peer = leave(request)
  if next(inner) then
    end_inner()
  end
  if peer and peer.measured then
    measure(peer)
  end
  record_done(request, peer)
  if peer and peer.watched then
    if unanswered[request] then
      unanswered[request] = nil
    else
      passive.answered(row, peer.block, ngx.status, var.upstream_response_time)
    end
  end
  return true
end

--- log_by_lua of a server that is not the gateway's own: an overlay's may use its pools, too. True
-- of a request that is counted.
function _M.ended()
  local request = tonumber(ffi.cast(uintptr, get_request()))
  if pending[request] or found(request) then
    return _M.done()
  elseif next(inner) then
    end_inner()
  end
end

return _M
