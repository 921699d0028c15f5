-- What a request leaves behind: its counts, and its route in the access log. Runs for every
-- request, so: a few loads and stores, nothing made, and one variable written.
local block = require("orctl.metrics.block")
local counters = require("orctl.lib.counters")
local recent = require("orctl.metrics.recent")
local step = require("orctl.lib.pace").step

local _M = {}

local count, observe = block.count, block.observe
local now, start_time = ngx.now, ngx.req.start_time
local var = ngx.var

local SPARE = counters.SPARE
local RETRIES, CHECK_FAILURES = block.RETRIES, block.CHECK_FAILURES
local MEMORY, DROPPED = 16, 17 -- in the block "worker"
local QUICK = block.QUICK
local SWITCHING_PROTOCOLS = 101

-- The server of routes without a host and of requests without a route, as nginx users write it.
local ANY = "_"

local row = counters.row() -- of this worker's counters
local pending = {}    -- by the address of its request: the route
local hosts = {}      -- by name: {name, block}
local any = { name = ANY, block = SPARE }
local worker = SPARE  -- block of what a worker says of itself

--- In a worker that begins, when it has its counters.
function _M.start()
  row = counters.row()
  any.block = counters.block("host", ANY)
  recent.begin_host(any)
  worker = counters.block("worker", "")
  _M.sample()
end

--- Once a second: what the Lua VM of this worker holds.
function _M.sample()
  if worker ~= SPARE then
    row[worker + MEMORY] = collectgarbage("count") * 1024
  end
end

--- Bytes that the Lua VM of the worker with this pid holds; nil if it has not said so.
function _M.memory(pid)
  local its = worker ~= SPARE and counters.row_of(pid)
  return its and its[worker + MEMORY]
end

-- Name of the host that a route is counted under: of several, the first.
local function host_of(route)
  return route.host or route.hosts and route.hosts[1] or ANY
end

--- Gives each of the routes that will be served the counters of its host, as `stats`; what adopt()
-- takes.
function _M.prepare(routes)
  local seen = { [ANY] = any }
  for _, route in ipairs(routes) do
    step()
    local name = host_of(route)
    local host = seen[name] or hosts[name]
    if not host or host.block == SPARE then
      host = { name = name, block = counters.block("host", name) }
      recent.begin_host(host)
    end
    seen[name], route.stats = host, host
  end
  return seen
end

--- The routes that were prepared are served from now on. A request that is still under way to a
-- host that left is not counted: others may have its block.
function _M.adopt(seen)
  for name, host in pairs(hosts) do
    if not seen[name] then
      host.block = SPARE
    end
  end
  hosts = seen
end

--- Name of the host that a route is counted under.
_M.host_of = host_of

--- Hosts of the routes that are served, and "_": {name, block} by name.
function _M.hosts()
  return hosts
end

-- The words of a route in the access log; made once in each generation.
local function describe(route, generation)
  route.generation = generation
  local host = host_of(route)
  local function words(upstream)
    return ("%s%s upstream=%s generation=%d"):format(host == ANY and "" or host, route.path,
      upstream, generation)
  end
  route.words = words(route.upstream or "-")
  route.canary_words = route.canary and words(route.canary.upstream)
end

--- A request, named by its address, has found its route, or another one since.
function _M.routed(request, route, generation)
  pending[request] = route
  if route.generation ~= generation then
    describe(route, generation)
  end
  var.orctl_route = route.words
end

--- A request whose route was noted goes to the route's canary.
function _M.diverted(route)
  var.orctl_route = route.canary_words
end

--- The route that a request has found; nil if it has none.
function _M.route(request)
  return pending[request]
end

--- A request has ended that is none of a client's own, and is not counted.
function _M.forget(request)
  pending[request] = nil
end

-- Seconds that the last try took, as nginx measured: the servers of one request are divided by
-- commas and colons, and "-" is a try that got no answer in time to be measured.
local function last_response_time(otherwise)
  local text = var.upstream_response_time
  return tonumber(text) or tonumber((text or ""):match("([%d.]+)$")) or otherwise
end

--- A try has failed, and there will be another one.
function _M.retried(peer, status)
  local b = peer.stats.block
  row[b + RETRIES] = row[b + RETRIES] + 1
  count(row, peer.block, status or 0)
  -- The list already holds the try that begins now, as "-".
  local text = (var.upstream_response_time or ""):match("([%d.]+)[ ,:-]*$")
  observe(row, b, tonumber(text) or 0)
end

--- Samples have been left out of an answer; the sum of all that ever were.
function _M.count_dropped(number)
  row[worker + DROPPED] = row[worker + DROPPED] + number
  return counters.sum(worker, DROPPED)
end

--- A health check of a server has failed.
function _M.check_failed(peer)
  local at = peer.block + CHECK_FAILURES
  row[at] = row[at] + 1
end

--- log_by_lua: a request has ended; `peer` is the server of its last try, nil if it had none.
function _M.done(request, peer)
  local route = pending[request]
  local host = any
  if route then
    pending[request] = nil
    host = route.stats
  end
  local status = ngx.status
  count(row, host.block, status)
  if peer then
    count(row, peer.block, status)
  end
  -- How long people keep a websocket open is no latency.
  if status ~= SWITCHING_PROTOCOLS then
    local seconds = now() - start_time()
    observe(row, host.block, seconds)
    if peer then
      -- Of a quick request the server had no more time either. Of others nginx knows how much of
      -- it was the server's and not a slow client's.
      observe(row, peer.stats.block, seconds < QUICK and seconds or last_response_time(seconds))
    end
  end
end

return _M
