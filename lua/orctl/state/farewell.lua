-- Before a reload, an upgrade or a stop the workers that are about to go say so: each answer ends
-- its connection, so that no client sends the next request on one that nginx is about to close.
-- orctl orders it at the admin socket, asks until it is quiet, and goes on then; an order that
-- nothing follows ends by itself. Its functions take the place of those of the phases while it
-- lasts: requests at other times pay nothing for it.
local clock = require("orctl.lib.clock")
local get_last_failure = require("ngx.balancer").get_last_failure
local instance = require("orctl.state.instance")

local _M = {}

local LASTS = 10 -- seconds after the last order: nginx must have read its new tree by then
local BOOT, ENDS = "1/farewell/boot", "1/farewell/ends" -- who is to say it, and how long
local KEPT = "1/farewell/kept" -- when a request came last on a connection that had been kept
local WAY = "@orctl_farewell"  -- as a location, and as the mark of those that it is for

local dict = ngx.shared.orctl
local var = ngx.var

local usual, polite   -- functions of phases by name, and what takes their place meanwhile
local phases          -- where both are found
local saying = false
local was_kept = false -- a kept connection was ended since the last tick

local function slot(id) return "1/farewell/" .. id end

--- In the master: `functions` of the phases by name, which nginx.conf calls; `replacements` of some
-- for as long as a farewell lasts.
function _M.init(functions, replacements)
  phases, polite, usual = functions, replacements, {}
  for name in pairs(polite) do
    usual[name] = functions[name]
  end
end

-- HTTP/2 has no field for it: nginx says GOAWAY when it closes such a connection, with the last
-- request that it looked at. What becomes a tunnel ends when it ends.
local function can_say()
  return (ngx.req.http_version() or 2) < 2 and var.orctl_upgrade == ""
end

local function note_kept()
  was_kept = was_kept or tonumber(var.connection_requests) > 1
end

--- Balancer phase: whether this request is to begin again on the way that ends its connection. The
-- servers of an overlay, which may use the same pools, have none.
function _M.turns_away()
  if get_last_failure() or ngx.is_subrequest or ngx.req.is_internal()
    or var.document_root:sub(-#WAY) ~= WAY or not can_say() then
    return false
  end
  note_kept()
  return true
end

--- Content phase of a request that was turned away.
function _M.turn()
  ngx.status = 200 -- or nginx would give it the status by which it came here
  return ngx.exec(WAY)
end

--- Rewrite phase: goes that way; returns if there is nothing to say. `led`: another location has
-- led the request here already.
function _M.go(led)
  if (led or not ngx.req.is_internal()) and can_say() then
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
  local wanted = dict:get(BOOT) == instance.boot and (dict:get(ENDS) or 0) > clock.boottime()
  local begins = wanted and not saying
  if wanted ~= saying then
    set(wanted)
    dict:set(slot(ngx.worker.id()), wanted and instance.boot or -1)
  end
  if was_kept or begins then
    was_kept = false
    dict:set(KEPT, clock.boottime())
  end
end

--- Admin: begins, or goes on, for this cycle, which has `count` workers. How many of them have
-- begun; for how many seconds no request has come on a kept connection; and, where nginx counts
-- them, how many connections wait for a request.
function _M.order(count)
  local now, told = clock.boottime(), 0
  dict:set(ENDS, now + LASTS)
  dict:set(BOOT, instance.boot)
  for id = 0, count - 1 do
    told = told + (dict:get(slot(id)) == instance.boot and 1 or 0)
  end
  return { worker = ngx.worker.pid(), workers = count, told = told,
    quiet = now - (dict:get(KEPT) or 0), waiting = tonumber(var.connections_waiting) }
end

return _M
