-- How many requests a route takes. Each key has a bucket of tokens that fills at a steady rate,
-- kept as the time at which it will be full again: one number for a key (GCRA).
--
-- All workers share the buckets, in memory that the master maps. Each limit has a block of its own
-- there, so the keys of one push out none of another's. In a block that is full, the key makes room
-- whose bucket is the fullest of a few: whoever is refused stays so, however many names come. A
-- worker reads and writes without a lock, so workers that take tokens of one key at the same moment
-- may give out a few more.
local clock = require("orctl.lib.clock")
local counters = require("orctl.lib.counters")
local ffi = require("ffi")
local fields = require("orctl.route.fields")
local json = require("orctl.lib.json")
local refuse = require("orctl.lib.refuse")
local request_key = require("orctl.route.request_key")
local router = require("orctl.route.router")
local sha256 = require("orctl.lib.sha256")
local step = require("orctl.lib.pace").step

local _M = {}

local byte, md5 = string.byte, ngx.md5_bin
local var = ngx.var

local TINY = 1e-3 -- seconds; a sum of thousands of times is no exacter

-- A block has SETS times WAYS buckets of two doubles: what stands for the key, and the time. Its
-- number is in the document's compiled route; block 0 is for routes that have none yet.
local SETS, WAYS = 2048, 8
local BLOCK = SETS * WAYS * 2 -- doubles
local BLOCKS = 1024 -- more than a document may have limits
local P = "limits/1/"

local dict = ngx.shared.orctl
local cells  -- double *
local secret -- or a client could choose names that share the bucket of somebody else

_M.rule = { type = "object", fields = {
  requests = { type = "integer", required = true, min = 1, max = 1000000 },
  per = fields.duration,
  burst = { type = "integer", min = 1, max = 1000000 },
  by = { type = "string", max_length = request_key.MAX_LENGTH,
    check = function(text) return text == "route" or request_key.is_key(text) end,
    hint = request_key.HINT .. ", or route" },
} }

--- How many routes of a document may have one; lib/model/document_size.h has the same number.
_M.most = 1000

--- `id` is the same for all workers, and after every change that leaves which requests the route
-- answers.
function _M.compile(value, route, _, seconds)
  local keys = router.keys(route)
  table.sort(keys)
  local interval = seconds(value.per or "1s") / value.requests
  return { id = sha256.hex(table.concat(keys, "\n")):sub(1, 16), interval = interval,
    capacity = interval * (value.burst or value.requests),
    variable = value.by ~= "route" and request_key.variable(value.by or "client") or nil }
end

--- In the master: maps the memory, or finds what an earlier cycle has mapped.
function _M.init()
  local known = dict:get(P .. "region")
  if not known then
    local file = assert(io.open("/dev/urandom", "rb"))
    local random = sha256.hex(file:read(32)):sub(1, 32)
    file:close()
    local address = counters.map(BLOCKS * BLOCK * 8)
    known = ("%x %s"):format(tonumber(ffi.cast("uintptr_t", address)), random)
    assert(dict:safe_set(P .. "region", known), "the shared dictionary is full")
  end
  local address, text = known:match("^(%x+) (%x+)$")
  secret = text
  cells = ffi.cast("double *", ffi.cast("uintptr_t", tonumber(address, 16)))
end

-- The blocks that are taken, by the id of their limit.
local function taken()
  local text = dict:get(P .. "blocks")
  return text and json.unpack(text) or {}
end

-- Empties blocks that another limit had; those above `high` nobody ever had.
local function clear(limits, high)
  for _, limit in ipairs(limits) do
    if limit.block <= high and cells then
      ffi.fill(cells + limit.block * BLOCK, BLOCK * 8)
      step(20)
    end
  end
end

--- Under the lock of what is shared: gives the limits of these compiled routes their blocks, the
-- ones that they had if they had some. A function that keeps that, for when the routes are served.
function _M.place(routes)
  local before, blocks, used, fresh = taken(), {}, {}, {}
  for _, route in ipairs(routes) do
    local limit = route.rate_limit
    if limit then
      local block = before[limit.id]
      if block then
        limit.block, blocks[limit.id], used[block] = block, block, true
      else
        fresh[#fresh + 1] = limit
      end
    end
  end
  local high, next_block = before.high or 0, 1
  blocks.high = high
  for _, limit in ipairs(fresh) do
    while used[next_block] do next_block = next_block + 1 end
    used[next_block] = true
    limit.block, blocks[limit.id] = next_block, next_block
    blocks.high = math.max(blocks.high, next_block)
  end
  return blocks.high > 0 and function()
    dict:safe_set(P .. "blocks", json.pack(blocks))
    clear(fresh, high)
  end or nil
end

--- Gives limits that have no block the one that they had; for routes that are not stored.
function _M.find_places(routes)
  local before
  for _, route in ipairs(routes) do
    local limit = route.rate_limit
    if limit and not limit.block then
      before = before or taken()
      limit.block = before[limit.id] or 0
    end
  end
end

-- Takes a token from the bucket that will be full at `full_at` (nil: is full): when it will be full
-- then, and if there is no token, in how many seconds there is. Pure.
local function take(limit, full_at, now)
  if not full_at or full_at < now then
    full_at = now
  elseif full_at > now + limit.capacity + TINY then
    full_at = now + limit.capacity -- the limit was a wider one
  end
  local after = full_at + limit.interval
  local wait = after - limit.capacity - now
  if wait > TINY then
    return full_at, wait
  end
  return after
end

-- What the current request is counted as. One that has no such name is counted by its client's
-- address.
local function key_of(limit)
  local variable = limit.variable
  if not variable then
    return limit.id
  end
  local name = request_key.of(var, variable)
  return name and limit.id .. "=" .. name or limit.id .. "@" .. var.remote_addr
end

-- Place of a key's bucket, else of the one that makes room for it, and what stands for the key.
local function find(limit, key)
  local a, b, c, d, e, f, g, h = byte(md5(secret .. key), 1, 8)
  local tag = 1 + a + 256 * (b + 256 * (c + 256 * (d + 256 * (e + 256 * f))))
  local first = limit.block * BLOCK + (g + 256 * h) % SETS * WAYS * 2
  local room, earliest = first, cells[first + 1]
  for at = first, first + 2 * (WAYS - 1), 2 do
    if cells[at] == tag then
      return at, tag
    elseif cells[at + 1] < earliest then
      room, earliest = at, cells[at + 1]
    end
  end
  return room, tag
end

-- Takes a token for the current request from its bucket of `limit`: {id, block, interval,
-- capacity, variable} with seconds for one token and for all. Nil if there was one, else how many
-- whole seconds later there will be. The time is that of the host: ngx.now() is each worker's own,
-- and a busy one is behind.
local function refused(limit)
  local now = clock.boottime()
  local at, tag = find(limit, key_of(limit))
  local full_at, wait = take(limit, cells[at] == tag and cells[at + 1] or nil, now)
  cells[at], cells[at + 1] = tag, full_at
  return wait and math.ceil(wait - TINY)
end

function _M.rewrite(limit)
  local wait = refused(limit)
  if wait then
    ngx.header["Retry-After"] = wait
    return refuse(429)
  end
end

_M.take = take

return _M
