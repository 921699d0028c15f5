-- A server is well if a module of the user says so: `check(server, settings)` of a file below the
-- tree's lua/ folder, with `server` {host, port, address, upstream} and `settings` as the document
-- has them, besides `timeout` in seconds.
local _M = {}

--- True, or false and what went wrong.
function _M.check(server, settings, limit)
  -- Loaded by init_by_lua, so that a change of the tree does not reach this worker half-way.
  local module = package.loaded[settings.module]
  if type(module) ~= "table" or type(module.check) ~= "function" then
    return false, "module " .. settings.module .. " has no function check"
  end
  local given = { timeout = limit }
  for name, value in pairs(settings.settings or {}) do
    if name ~= "timeout" then given[name] = value end
  end
  local ok, err = module.check({ host = server.host, port = server.port, address = server.address,
    upstream = server.upstream }, given)
  return ok and true or false, err and tostring(err) or "the check says no"
end

return _M
