-- Before a reload, an upgrade or a stop the workers that are about to go say so: each answer ends
-- its connection, so that no client sends the next request on one that nginx is about to close.
-- HTTP/2 has no such answer, but nginx sends GOAWAY before one that is due when the worker goes:
-- there requests are held back for a moment at the end, until nginx has made the worker go.
-- orctl orders it at the admin socket, asks until it is quiet, and goes on then; an order that
-- nothing follows ends by itself. Its functions take the place of those of the phases while it
-- lasts: requests at other times pay nothing for it.
local clock = require("orctl.lib.clock")
local get_last_failure = require("ngx.balancer").get_last_failure
local instance = require("orctl.state.instance")

local _M = {}

local LASTS = 10 -- seconds after the last order: nginx must have read its new tree by then
local HOLDS = 1  -- likewise, of requests in HTTP/2
local NAP = 0.005
local BOOT, ENDS = "1/farewell/boot", "1/farewell/ends" -- who is to say it, and how long
local KEPT = "1/farewell/kept" -- when a request came last on a connection that had been kept
local HELD = "1/farewell/held" -- until when requests in HTTP/2 are held back
local TWO = "1/farewell/two"   -- when one came last
local WAY = "@orctl_farewell"  -- as a location, and as the mark of those that it is for

local dict = ngx.shared.orctl
local exiting = ngx.worker.exiting
local var = ngx.var

local usual, polite   -- functions of phases by name, and what takes their place meanwhile
local phases          -- where both are found
local saying, holding = false, false
local was_kept = false -- since the last tick: a kept connection was ended,
local was_two = false  -- a request in HTTP/2 came

local function slot(id) return "1/farewell/" .. id end
local function held_slot(id) return "1/farewell/held/" .. id end

--- In the master: `functions` of the phases by name, which nginx.conf calls; `replacements` of some
-- for as long as a farewell lasts.
function _M.init(functions, replacements)
  phases, polite, usual = functions, replacements, {}
  for name in pairs(polite) do
    usual[name] = functions[name]
  end
end

-- What becomes a tunnel ends when it ends.
local function can_say()
  return var.orctl_upgrade == ""
end

local function is_two()
  return (ngx.req.http_version() or 2) >= 2
end

-- Of a request in HTTP/2: whether it is to be held back.
local function is_held()
  was_two = true
  return holding
end

local function hold()
  for _ = 1, 2 * HOLDS / NAP do
    if not holding or exiting() then
      return
    end
    ngx.sleep(NAP)
  end
end

local function note_kept()
  was_kept = was_kept or tonumber(var.connection_requests) > 1
end

--- Balancer phase: whether this request is to begin again on the way that ends its connection. The
-- servers of an overlay, which may use the same pools, have none.
function _M.turns_away()
  if get_last_failure() or ngx.is_subrequest or ngx.req.is_internal()
    or var.document_root:sub(-#WAY) ~= WAY then
    return false
  elseif is_two() then
    return is_held()
  elseif not can_say() then
    return false
  end
  note_kept()
  return true
end

--- Content phase of a request that was turned away.
function _M.turn()
  if is_two() then
    hold()
  end
  ngx.status = 200 -- or nginx would give it the status by which it came here
  return ngx.exec(WAY)
end

--- Rewrite phase: goes that way; returns if there is nothing to say. `led`: another location has
-- led the request here already.
function _M.go(led)
  if is_two() then
    return is_held() and hold()
  elseif (led or not ngx.req.is_internal()) and can_say() then
    note_kept()
    return ngx.exec(WAY)
  end
end

local function set(on)
  saying = on
  for name, f in pairs(on and polite or usual) do
    phases[name] = f
  end
end

--- Every tick of a worker.
function _M.tick()
  if dict:get(BOOT) ~= instance.boot and not saying then
    return
  end
  local now = clock.boottime()
  local wanted = dict:get(BOOT) == instance.boot and (dict:get(ENDS) or 0) > now
  local begins = wanted and not saying
  if wanted ~= saying then
    set(wanted)
    dict:set(slot(ngx.worker.id()), wanted and instance.boot or -1)
  end
  local holds = wanted and (dict:get(HELD) or 0) > now
  if holds ~= holding then
    holding = holds
    dict:set(held_slot(ngx.worker.id()), holds and instance.boot or -1)
  end
  if was_kept or begins then
    was_kept = false
    dict:set(KEPT, now)
  end
  if was_two then
    was_two = false
    dict:set(TWO, now)
  end
end

local function count_of(place, count)
  local found = 0
  for id = 0, count - 1 do
    found = found + (dict:get(place(id)) == instance.boot and 1 or 0)
  end
  return found
end

--- Admin: begins, or goes on, for this cycle, which has `count` workers; `holds`: the signal comes
-- next. How many of them have begun, and hold; for how many seconds no request has come on a kept
-- connection, and none in HTTP/2; and, where nginx counts them, how many connections wait for a
-- request.
function _M.order(count, holds)
  local now = clock.boottime()
  dict:set(ENDS, now + LASTS)
  dict:set(HELD, holds and now + HOLDS or 0)
  dict:set(BOOT, instance.boot)
  return { worker = ngx.worker.pid(), workers = count, told = count_of(slot, count),
    held = count_of(held_slot, count), quiet = now - (dict:get(KEPT) or 0),
    two = now - (dict:get(TWO) or 0), waiting = tonumber(var.connections_waiting) }
end

return _M
