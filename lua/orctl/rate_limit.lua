-- How many requests a route takes. Each key has a bucket of tokens that fills at a steady rate,
-- kept as the time at which it will be full again: one number for a key (GCRA). All workers share
-- it. When the dictionary is full, keys that were not used for longest make room: they begin with a
-- full bucket. Two workers that take a token of one key at the same moment may take the same one.
local request_key = require("orctl.request_key")
local sha256 = require("orctl.sha256")

local _M = {}

local var = ngx.var
local now_of = ngx.now

local dict = ngx.shared.orctl_limits -- only where nginx.conf has phases for policies
local TINY = 1e-3 -- seconds; ngx.now() knows no less
local LONG = 64 -- bytes of a name; of a longer one the digest is kept

-- Takes a token from the bucket that will be full at `full_at` (nil: is full): when it will be full
-- then; nil and the seconds until there is a token if there is none. Pure.
local function take(limit, full_at, now)
  -- Further away than an empty bucket is from full: the clock was set back.
  if not full_at or full_at < now or full_at > now + limit.capacity + TINY then
    full_at = now
  end
  local after = full_at + limit.interval
  local wait = after - limit.capacity - now
  if wait > TINY then
    return nil, wait
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
-- seconds later there will be.
function _M.refused(limit)
  local now, key = now_of(), key_of(limit)
  local after, wait = take(limit, dict:get(key), now)
  if not after then
    return math.ceil(wait - TINY)
  end
  dict:set(key, after, after - now + 1)
end

_M.take = take

return _M
