-- How many requests a route takes. Each key has a bucket of tokens that fills at a steady rate,
-- kept as the time at which it will be full again: one number for a key (GCRA). All workers share
-- it. When the dictionary is full, keys that were not used for longest make room: they begin with a
-- full bucket. Reading and writing are two steps, so workers that take tokens of one key at the
-- same moment may give out a few more.
local clock = require("orctl.clock")
local request_key = require("orctl.request_key")
local sha256 = require("orctl.sha256")

local _M = {}

local var = ngx.var

local dict = ngx.shared.orctl_limits -- only where nginx.conf has phases for policies
local TINY = 1e-3 -- seconds; a sum of thousands of times is no exacter
local LONG = 64 -- bytes of a name; of a longer one the digest is kept

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

-- The bucket of the current request. One that has no such name is counted by its client's address.
local function key_of(limit)
  local variable = limit.variable
  if not variable then
    return limit.id
  end
  local name = request_key.of(var, variable)
  if not name then
    return limit.id .. "@" .. var.remote_addr
  end
  return limit.id .. "=" .. (#name > LONG and sha256.hex(name) or name)
end

--- Takes a token for the current request from its bucket of `limit`: {id, interval, capacity,
-- variable} with seconds for one token and for all. Nil if there was one, else how many whole
-- seconds later there will be. The time is that of the host: ngx.now() is each worker's own, and a
-- busy one is behind.
function _M.refused(limit)
  local now, key = clock.boottime(), key_of(limit)
  local known = dict:get(key)
  local full_at, wait = take(limit, known, now)
  if full_at ~= known then
    dict:set(key, full_at, full_at - now + 1)
  end
  return wait and math.ceil(wait - TINY)
end

_M.take = take

return _M
