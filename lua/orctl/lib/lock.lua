-- The lock of all who change what the shared dictionary holds: one worker at a time, and a worker
-- that died gives it up.
local counters = require("orctl.lib.counters")

local _M = {}

local KEY = "1/lock"
local TTL, WAIT, STEP = 5, 6, 0.002 -- seconds

local dict = ngx.shared.orctl
local count = 0

local function release(owner)
  if dict:get(KEY) == owner then
    dict:delete(KEY)
  end
end

--- Takes the lock: an owner for release(); nil if another has it and `may_wait` is false, or if it
-- did not come free.
function _M.take(may_wait)
  count = count + 1
  local owner = ngx.worker.pid() .. "." .. count
  local first, waited = dict:get(KEY), 0
  while not dict:safe_add(KEY, owner, TTL) do
    if not may_wait or waited > WAIT then
      return nil
    end
    ngx.sleep(STEP)
    waited = waited + STEP
    -- Its owner was killed while it published. Or, should another process have its number by now:
    -- the lock has had its time, and the wall clock, which ends it, was set back.
    local held = dict:get(KEY)
    if held and (counters.is_gone(tonumber(held:match("^%d+")))
      or waited > TTL and held == first) then
      release(held)
    end
  end
  return owner
end

--- Gives the lock back, unless it has had its time and is another's by now.
_M.release = release

--- Gives the owner the whole time again: what it does may take long, as others get their turn.
function _M.keep(owner)
  if dict:get(KEY) == owner then
    dict:safe_set(KEY, owner, TTL)
  end
end

--- Whether the lock is still this owner's.
function _M.is_held(owner)
  return dict:get(KEY) == owner
end

--- What step(…, owner) returns, run by one worker at a time; nil and "busy" if that cannot be.
function _M.alone(may_wait, step, ...)
  local owner = _M.take(may_wait)
  if not owner then
    return nil, "busy"
  end
  local arguments = { ... }
  arguments[#arguments + 1] = owner
  local ok, result, reason, err = pcall(step, unpack(arguments))
  release(owner)
  if not ok then
    error(result, 0)
  end
  return result, reason, err
end

return _M
