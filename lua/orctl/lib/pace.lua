-- Lets requests through while something large is worked on. Whoever works tells step() how many
-- items it has looked at; within slowly(), every SLICE of them this worker serves what waits.
-- Elsewhere step() costs an addition: a request that must not wait, or a master, works on.
local _M = {}

local BREATH = 0.001 -- seconds; sleep(0) is no pause on a plain nginx
local SLICE = 300    -- items, of which each takes a few microseconds

local running = coroutine.running

local paced = setmetatable({}, { __mode = "k" }) -- the coroutines that give way
local done = 0 -- items since the last pause

--- So many items, 1 if not said, have been looked at.
function _M.step(items)
  done = done + (items or 1)
  if done >= SLICE then
    done = 0
    if paced[running() or false] then
      ngx.sleep(BREATH)
    end
  end
end

local function can_wait()
  local phase = ngx.get_phase()
  return phase == "content" or phase == "timer"
end

local function leave(thread, before, ok, ...)
  paced[thread] = before
  if not ok then
    error((...), 0)
  end
  return ...
end

--- What fn(…) returns, in which step() gives way where that can be. Whatever fn() looks at twice
-- may have changed in between.
function _M.slowly(fn, ...)
  local thread = can_wait() and running()
  if not thread or paced[thread] then
    return fn(...)
  end
  paced[thread] = true
  return leave(thread, nil, pcall(fn, ...))
end

--- What fn(…) returns, which must not be interrupted.
function _M.at_once(fn, ...)
  local thread = running()
  if not paced[thread or false] then
    return fn(...)
  end
  paced[thread] = nil
  return leave(thread, true, pcall(fn, ...))
end

return _M
