-- Runs active checks: some at a time in one timer, each within its time limit.
local clock = require("orctl.lib.clock")

local _M = {}

local checks = {
  http = require("orctl.health.http"),
  tcp = require("orctl.health.tcp"),
  lua = require("orctl.health.custom"),
}

local ERROR_LENGTH = 200

local spawn, wait, kill = ngx.thread.spawn, ngx.thread.wait, ngx.thread.kill

--- Whether checks of this type ask the server, and do not look at its counters only.
function _M.is_active(type)
  return checks[type] ~= nil
end

local function sleep(seconds)
  ngx.sleep(seconds)
end

local function call(server, settings)
  local called, ok, err = pcall(checks[settings.type].check, server, settings, settings.timeout)
  if not called then
    return false, ok
  end
  return ok, err
end

-- A socket's own limit holds for each of its steps; a server that answers byte by byte, or a
-- user's module without a limit, is ended by the one here.
local function call_in_time(server, settings)
  local work, limit = spawn(call, server, settings), spawn(sleep, settings.timeout)
  local _, ok, err = wait(work, limit)
  if coroutine.status(work) ~= "dead" then
    kill(work)
    return false, "timeout"
  end
  kill(limit)
  return ok, err
end

local function clean(err)
  return (tostring(err):sub(1, ERROR_LENGTH):gsub("[^ -~]", "?"))
end

local function run_one(server, settings, done)
  local started = clock.boottime()
  local called, ok, err = pcall(call_in_time, server, settings)
  if not called then
    ok, err = false, ok
  end
  done(ok and true or false, not ok and clean(err or "failed") or nil, clock.boottime() - started)
end

--- Runs a list of {server, settings, done} at the same time, from a timer; `done(ok, error,
-- seconds)` is called for each. Nothing in it may raise or yield.
function _M.run(premature, list)
  if premature then
    return
  end
  local threads = {}
  for i, one in ipairs(list) do
    threads[i] = spawn(run_one, one.server, one.settings, one.done)
  end
  for _, thread in ipairs(threads) do
    wait(thread)
  end
end

return _M
