-- The last minute: how many requests were answered, how many of them with an error, how many
-- workers fell, and which servers failed last. Requests pay nothing for it: each worker looks at
-- its own counters by and by, and notes what came since, in rows that outlive it.
--
-- A minute is a ring of slots in a block of its own: {number of the slot since boot, requests,
-- errors, fallen workers}. What is known of a server stands in the block of the server.
local block = require("orctl.metrics.block")
local clock = require("orctl.lib.clock")
local counters = require("orctl.lib.counters")

local _M = {}

local SLOTS, SLOT_SECONDS, FIELDS = 15, 4, 4
local FIRST = 1 -- behind what counters.lua clears in every block of a worker that is gone
local FAILURES = counters.FAILURES
-- Of a server: when a try failed last and when one was answered, and what had been counted of
-- either then.
local FAILED_AT, ANSWERED_AT, SEEN_FAILURES, SEEN_ANSWERS = 3, 4, 5, 6
local MOST = 250      -- hosts and servers that are looked at in one tick
local PAUSE = 0.2     -- seconds between two walks

--- What "the last minute" is.
_M.SECONDS = SLOTS * SLOT_SECONDS

local SPARE = counters.SPARE
local totals = block.totals

local row = counters.row()
local ring = SPARE -- block of it

--- The walk that is under way: what to look at, how far it has come, in the last entry too.
local walk = { list = {}, at = 1, server = 1, ends = 0 }

--- Adds to the slot of `now`, in seconds since boot.
function _M.add(its, b, now, requests, errors, fallen)
  local number = math.floor(now / SLOT_SECONDS)
  local at = b + FIRST + number % SLOTS * FIELDS
  if its[at] ~= number then
    its[at + 1], its[at + 2], its[at + 3] = 0, 0, 0
    its[at] = number
  end
  its[at + 1] = its[at + 1] + requests
  its[at + 2] = its[at + 2] + errors
  its[at + 3] = its[at + 3] + fallen
end

--- Adds what a row says of the minute before `now` to `sums`: {requests, errors, fallen}.
function _M.sum(its, b, now, sums)
  local newest = math.floor(now / SLOT_SECONDS)
  for at = b + FIRST, b + FIRST + (SLOTS - 1) * FIELDS, FIELDS do
    if its[at] > newest - SLOTS and its[at] <= newest then
      for i = 1, 3 do
        sums[i] = sums[i] + its[at + i]
      end
    end
  end
end

--- Notes what has become of a server's tries since the last look. A failure may stand there already
-- and its status not yet: then there is one answer less.
function _M.look_at_server(its, b, now)
  local failures = its[b + FAILURES]
  local all, _, left = totals(its, b)
  local answers = all - left - failures
  if answers > its[b + SEEN_ANSWERS] then
    its[b + ANSWERED_AT], its[b + SEEN_ANSWERS] = now, answers
  end
  if failures > its[b + SEEN_FAILURES] then
    its[b + FAILED_AT], its[b + SEEN_FAILURES] = now, failures
  end
end

--- Whether the last try of a server, of any worker and within the minute before `now`, has failed.
function _M.fails(rows, b, now)
  local answered, failed = 0, 0
  for _, its in ipairs(rows) do
    answered = math.max(answered, its[b + ANSWERED_AT])
    failed = math.max(failed, its[b + FAILED_AT])
  end
  return failed > answered and now - failed <= _M.SECONDS
end

--- What a host had counted before: only what comes from now on is news.
function _M.begin_host(host)
  if host.block ~= SPARE then
    host.seen, host.seen_errors = totals(row, host.block)
  end
end

local function look_at_host(host, now)
  if host.block == SPARE or not host.seen then
    return
  end
  local all, errors = totals(row, host.block)
  if all > host.seen then
    _M.add(row, ring, now, all - host.seen, math.max(0, errors - host.seen_errors), 0)
  end
  host.seen, host.seen_errors = all, errors
end

-- Looks at some servers of an upstream, whose checks know more when it has any; how many, and
-- whether these were the last.
local function look_at_servers(upstream, now, most)
  local list = upstream and not upstream.health and upstream.list or {}
  local first = walk.server
  local last = math.min(#list, first + most - 1)
  for i = first, last do
    if list[i].block ~= SPARE then
      _M.look_at_server(row, list[i].block, now)
    end
  end
  walk.server = last + 1
  return last - first + 1, last == #list
end

local function begin_walk(hosts, upstreams)
  local list = {}
  for _, host in pairs(hosts) do list[#list + 1] = host end
  for name in pairs(upstreams) do list[#list + 1] = name end
  walk.list, walk.at, walk.server = list, 1, 1
end

-- Goes on until `most` have been looked at, or all.
local function go_on(upstreams, now, most)
  while most > 0 and walk.list[walk.at] do
    local one, is_done = walk.list[walk.at], true
    most = most - 1
    if type(one) == "table" then
      look_at_host(one, now)
    else
      local count
      count, is_done = look_at_servers(upstreams[one], now, most + 1)
      most = most - count
    end
    if is_done then
      walk.at, walk.server = walk.at + 1, 1
    end
  end
end

--- In a worker that begins, when it has its counters; so many had fallen before it.
function _M.start(fallen)
  row, ring = counters.row(), counters.block("worker", "recent")
  _M.note_fallen(fallen)
end

--- So many workers have ended by a fault, or were killed.
function _M.note_fallen(count)
  if count > 0 and ring ~= SPARE then
    _M.add(row, ring, clock.boottime(), 0, 0, count)
  end
end

--- A tick of 50 ms.
function _M.tick(hosts, upstreams)
  local now = clock.boottime()
  if ring == SPARE then
    return
  elseif not walk.list[walk.at] then
    if now < walk.ends + PAUSE then
      return
    end
    begin_walk(hosts, upstreams)
  end
  go_on(upstreams, now, MOST)
  walk.ends = now
end

--- This worker takes no more connections, and has no more ticks.
function _M.leave(hosts, upstreams)
  counters.leave(clock.boottime())
  if ring ~= SPARE then
    begin_walk(hosts, upstreams)
    go_on(upstreams, clock.boottime(), math.huge)
  end
end

--- A request of a worker that has left ends with a status.
function _M.ended(status)
  if ring ~= SPARE then
    _M.add(row, ring, clock.boottime(), 1, status >= 500 and status <= 599 and 1 or 0, 0)
  end
end

--- The minute before `now` of all workers: requests, errors and fallen workers; nil if nobody could
-- note them.
function _M.minute(rows, now)
  if ring == SPARE then
    return nil
  end
  local sums = { 0, 0, 0 }
  for _, its in ipairs(rows) do
    _M.sum(its, ring, now, sums)
  end
  return unpack(sums)
end

return _M
