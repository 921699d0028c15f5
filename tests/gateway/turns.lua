-- For slices_test.py: how much a worker does at most before other requests get their turn. It
-- counts instructions of Lua, so that neither the clock nor the load of the machine matters.
local COUNT, MANY = 1000, 500 -- instructions that count 1, and so many that are worth a look

local gateway = require("orctl.init")
local semaphore = require("ngx.semaphore")
local init_worker, admin = gateway.init_worker, gateway.admin

jit.off() -- what is compiled is not counted

local count, longest = 0, 0
local told, waiting = semaphore.new(), 0 -- requests that wait for the end of a turn
local place, where -- what ran when there were many in a turn

local function note()
  if count > longest then
    longest, where = count, place
  end
  count, place = 0, nil
  if waiting > 0 then
    told:post(waiting)
    waiting = 0
  end
end

function gateway.init_worker()
  init_worker()
  debug.sethook(function()
    count = count + 1
    place = place or count > MANY and debug.traceback() or nil
  end, "", COUNT)
  assert(ngx.timer.every(0.001, note))
end

--- With an argument `turns`, tells of the longest turn since it was asked last.
function gateway.admin()
  if not ngx.var.arg_turns then
    return admin()
  end
  for _ = 1, 2 do
    waiting = waiting + 1
    assert(told:wait(30), "the timer that counts turns has stopped")
  end
  ngx.say(longest, "\n", where)
  longest, where = 0, nil
end

return {}
