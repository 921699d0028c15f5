-- Which server of an upstream a try goes to: the strategy's pick among those that are up, have room
-- and were not tried; the server of the session before it, backups after it.
local counters = require("orctl.lib.counters")
local request_key = require("orctl.route.request_key")
local retry_budget = require("orctl.balancer.retry_budget")
local slow_start = require("orctl.balancer.slow_start")
local sticky = require("orctl.balancer.sticky")

local _M = {}

local reserve, sum = counters.reserve, counters.sum
local find, keep = sticky.find, sticky.keep
local now = ngx.now
local var = ngx.var

local IN_FLIGHT = counters.IN_FLIGHT

local strategies = {
  round_robin = require("orctl.balancer.round_robin"),
  least_conn = require("orctl.balancer.least_conn"),
  random = require("orctl.balancer.random"),
  ip_hash = require("orctl.balancer.ip_hash"),
  hash = require("orctl.balancer.hash"),
  ewma = require("orctl.balancer.ewma"),
}

-- Upstreams by name in which some server starts slowly.
local starting = {}

local function in_flight(peer)
  return sum(peer.block, IN_FLIGHT)
end

local function gauge(peers)
  local blocks = {}
  for i, peer in ipairs(peers) do
    blocks[i] = peer.block
  end
  return counters.sums(blocks, IN_FLIGHT)
end

-- A rotation that goes on where `old` is. Requests are served from that one until the new document
-- is built as a whole: it is not changed.
local function heir(old)
  local new = {}
  for name, value in pairs(old) do new[name] = value end
  return setmetatable(new, getmetatable(old))
end

local function rotation(balance, peers, old, turns)
  if #peers == 0 then
    return nil
  end
  if old then
    old = heir(old)
    old:sync(peers)
  else
    old = strategies[balance].new(peers, { turns = turns, now = now, random = math.random,
      in_flight = in_flight, gauge = gauge })
  end
  for _, peer in ipairs(peers) do
    peer.measured = balance == "ewma" and old or nil
  end
  return old
end

-- The variable of nginx that holds the key of a request; nil if the strategy takes none.
local function key_variable(part)
  if part.balance == "ip_hash" then
    return "binary_remote_addr"
  end
  return part.balance == "hash" and request_key.variable(part.hash) or nil
end

local function has_limits(peers)
  for _, peer in ipairs(peers) do
    if peer.max_conns then return true end
  end
  return false
end

-- Peers that were there go on with their ramp; those that come to a worker that already serves the
-- upstream begin one. At a start nobody does: it would only leave all servers with less.
local function start_slowly(upstream, old, may_begin)
  local time = now()
  for _, peer in ipairs(upstream.list) do
    local known = old and old.peers[peer.key]
    if known and known.state == peer.state then
      peer.ramp, peer.ramp_from, peer.credit = known.ramp, known.ramp_from, known.credit
    elseif old and may_begin and not peer.state then
      slow_start.begin(peer, time)
    end
  end
end

--- Prepares an upstream for choosing: its `primary` and `backup` peers become rotations, taken over
-- from `old`, the same upstream before a change. `part` is its part of the document. `turns` lets
-- workers begin at different servers, and `may_begin` is false in a worker that does not serve yet.
function _M.prepare(upstream, part, old, turns, may_begin)
  local same = old and old.balance == part.balance and old or {}
  upstream.down = old and old.down
  upstream.key = key_variable(part)
  upstream.fail = part.all_down == "fail"
  upstream.limited = has_limits(upstream.list)
  upstream.sticky = sticky.compile(part.sticky, upstream.name, upstream.list)
  upstream.slow_start = part.slow_start
  local budget = old and old.budget
  upstream.budget = part.retry_budget and (budget and budget.percent == part.retry_budget and budget
    or retry_budget.new(part.retry_budget))
  -- Whether a first try takes more than the strategy's pick.
  upstream.special = upstream.key or upstream.limited or upstream.sticky or upstream.budget
  if part.slow_start then
    start_slowly(upstream, old, may_begin)
  end
  upstream.primary = rotation(part.balance, upstream.primary, same.primary, turns)
  upstream.backup = rotation(part.balance, upstream.backup, same.backup, turns)
end

-- Whether some server has come back.
local function begin_ramps(upstream, before)
  local some = false
  for key in pairs(upstream.slow_start and before or {}) do
    local peer = upstream.peers[key]
    if peer and not (upstream.down and upstream.down[key]) then
      slow_start.begin(peer, now())
      some = true
    end
  end
  return some
end

--- Servers of an upstream that were in the set `before` and are not down any more start slowly.
function _M.follow_down(upstream, before)
  if begin_ramps(upstream, before) then
    starting[upstream.name] = upstream
  end
end

--- The same for an upstream that is prepared and not served yet.
_M.prepare_down = begin_ramps

--- An upstream that was prepared is served from now on.
function _M.serve(upstream)
  starting[upstream.name] = nil
  for _, peer in ipairs(upstream.slow_start and upstream.list or {}) do
    if peer.ramp then
      starting[upstream.name] = upstream
    end
  end
end

--- Moves all ramps on; called again and again.
function _M.tick()
  for name, upstream in pairs(starting) do
    if not slow_start.move(upstream.list, now(), upstream.slow_start) then
      starting[name] = nil
    end
  end
end

-- The strategy's pick, a backup if there is no other; `out` is a set of keys to leave out, or nil.
local function pick(upstream, out, key)
  local peer = upstream.primary and upstream.primary:pick(out, key)
  return peer or upstream.backup and upstream.backup:pick(out, key)
end

local function merged(a, b)
  if not a or not b then
    return a or b
  end
  local both = {}
  for key in pairs(a) do both[key] = true end
  for key in pairs(b) do both[key] = true end
  return both
end

-- As pick(), of the servers that have room; the peer's place is then taken. Second, whether some
-- had none.
local function place(upstream, out, key)
  local peer = pick(upstream, out, key)
  local full
  while peer and peer.max_conns and not reserve(peer.block, IN_FLIGHT, peer.max_conns) do
    full = full or merged(out or {}, {})
    full[peer.key] = true
    peer = pick(upstream, full, key)
  end
  return peer, full ~= nil
end

-- Servers that are down come last: with all of them down, trying is better than refusing, unless
-- the document says otherwise. One that is merely full is not down.
local function pick_well(upstream, tried)
  -- A request without the header, cookie or argument is placed by its client.
  local key = upstream.key and (request_key.of(var, upstream.key) or var.remote_addr)
  local down = upstream.down
  local peer, full = place(upstream, merged(down, tried), key)
  if not peer and not full and down and not upstream.fail then
    peer = place(upstream, tried, key)
  end
  return peer
end

local function session_peer(upstream, tried)
  local peer = find(upstream.sticky, upstream.down, tried)
  if peer and (not peer.max_conns or reserve(peer.block, IN_FLIGHT, peer.max_conns)) then
    return peer
  end
end

--- The same as choose() on a first try, for an upstream that is neither `special` nor has servers
-- that are down.
_M.pick = pick

--- The server for a try of the current request; nil if there is none. `tried` is the set of keys of
-- those it has tried, nil on the first try. A peer with max_conns has its place taken already.
function _M.choose(upstream, tried)
  local stuck = upstream.sticky and session_peer(upstream, tried)
  local peer = stuck or pick_well(upstream, tried)
  if peer and upstream.sticky then
    keep(upstream.sticky, peer, stuck)
  end
  return peer
end

return _M
