-- Upstreams of tcp and udp listeners: nginx balances those by itself, as nginx.conf says, and
-- nobody in here counts, checks or changes what it does.
local json = require("orctl.lib.json")
local step = require("orctl.lib.pace").step

local _M = {}

local listeners = {} -- of such upstreams, by name
local routed = {}    -- those of them that routes use, too

--- In the master: {upstream = {listener, ...}, ...}, nil for none.
function _M.init(upstreams)
  for name, names in pairs(upstreams or {}) do
    listeners[name] = json.array(names)
  end
end

--- The tcp and udp listeners of an upstream; nil if it has none.
function _M.listeners(name)
  return listeners[name]
end

--- Takes over the compiled routes that are served.
function _M.follow(routes)
  if not next(listeners) then
    return
  end
  local used = {}
  for _, route in ipairs(routes) do
    step(0.1)
    if route.upstream then used[route.upstream] = true end
    if route.canary then used[route.canary.upstream] = true end
  end
  routed = used
end

--- Whether an upstream has tcp or udp listeners and no route: of its servers nothing is known.
function _M.is_alone(name)
  return listeners[name] ~= nil and not routed[name]
end

return _M
