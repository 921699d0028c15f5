-- The phases of nginx, one function each; nginx.conf holds one line per phase.
--
-- Every module is required here, in the master: a worker that outlives a change of the tree never
-- loads a file of the new one.
require("orctl.lib.places")
local admin = require("orctl.admin.endpoint")
local auth = require("orctl.admin.auth")
local balancer = require("orctl.balancer.phase")
local certs = require("orctl.tls.certs")
local counters = require("orctl.lib.counters")
local changes = require("orctl.state.changes")
local cycle = require("orctl.state.cycle")
local farewell = require("orctl.state.farewell")
local ffi = require("ffi")
local file = require("orctl.lib.file")
local get_request = require("resty.core.base").get_request
local hops = require("orctl.route.hops")
local health_rules = require("orctl.health.rules")
local json = require("orctl.lib.json")
local policies = require("orctl.policy.chain")
local problem = require("orctl.lib.problem")
local recent = require("orctl.metrics.recent")
local record = require("orctl.metrics.record")
local refuse = require("orctl.lib.refuse")
local source = require("orctl.source.poll")
local static = require("orctl.state.static")
local view = require("orctl.state.view")
local workers = require("orctl.state.workers")

local _M = {}

local run, route, found = balancer.run, balancer.route, record.route
local uintptr = ffi.typeof("uintptr_t")
local current = view.current
local gateway = { current = current, publish = changes.publish, leads = cycle.leads,
  is_newest = workers.is_newest, boot = cycle.boot } -- for the source

local BAD = 490 -- nginx.conf makes it a 400 and sends it to bad()

local FAREWELL = "farewell" -- in the place of a status: the request was turned away by that

local has_policies = false
local has_several, remove_from_answer = hops.has_several, hops.remove_from_answer
local of_old_nginx = {} -- phases that look at more there
local polite = {}       -- and those of workers that say farewell

-- The user's own modules, named one a line by whoever wrote the tree.
local function require_overlay(list)
  for name in list:gmatch("[^\r\n]+") do
    local ok, err = pcall(require, name)
    if not ok then
      error(("overlay module %s: %s"):format(name, err), 0)
    end
  end
end

local function read_tree_file(name)
  local bytes, err = file.read(ngx.config.prefix() .. name)
  if not bytes then
    error(name .. ": " .. err, 0)
  end
  return bytes
end

-- What the gateway must know besides its document, and what only a reload changes. Values go this
-- way and never into Lua source.
local function read_settings()
  local settings, err = json.decode(read_tree_file("settings.json"))
  if not settings then
    error("settings.json: " .. err, 0)
  end
  return settings
end

--- init_by_lua: `name` of the instance, `tree` the digest of its files. An error here makes nginx
-- refuse the start or the reload.
function _M.init(name, tree)
  local prefix = ngx.config.prefix()
  local settings = read_settings()
  local overlay = file.read(prefix .. "lua/orctl/overlay.list") or ""
  health_rules.set_modules(overlay)
  counters.init(ngx.worker.count())
  static.init(settings.fixed)
  if settings.admin then
    auth.init(settings.admin.token_file)
  end
  local phases = settings.policy
  policies.init(settings.policies, phases)
  if phases then
    has_policies = true
    balancer.use_phases()
  end
  local early = has_policies and "rewrite" or "balancer"
  if ngx.config.nginx_version < 1023000 then
    -- there nobody but us sees a second line of Connection, once for each request
    _M[early] = of_old_nginx[early]
  end
  farewell.init(_M, { hops = polite.hops, [early] = polite[early](_M[early]) })
  local bytes = source.init(settings.source, settings.state, read_tree_file("gateway.json"), phases)
  cycle.init(name, tree, bytes, settings)
  certs.init(prefix, cycle.boot())
  require_overlay(overlay)
end

-- A worker that drains has no timers: each of its last requests is noted as it ends.
local function leave()
  for _, phase in ipairs({ "log", "ended" }) do
    local usual = _M[phase]
    _M[phase] = function()
      if usual() then recent.ended(ngx.status) end
    end
  end
  cycle.leave()
end

local function tick(premature)
  if premature then
    leave()
  elseif not ngx.worker.exiting() then
    farewell.tick()
    certs.tick()
    cycle.tick()
    source.tick(cycle.TICK, gateway)
  end
end

--- init_worker_by_lua.
function _M.init_worker()
  if not ngx.worker.id() then
    return -- a helper process, which serves nothing
  end
  certs.start()
  cycle.start()
  source.tick(0, gateway)
  assert(ngx.timer.every(cycle.TICK, tick))
end

--- ssl_certificate_by_lua.
function _M.certificate()
  return certs.serve()
end

local function find_route()
  return route(current())
end

--- balancer_by_lua.
function _M.balancer()
  return run(current())
end

-- The same where nginx shows maps the first line of a field alone.
function of_old_nginx.balancer()
  if has_several() and not hops.remove_late(find_route) then
    return balancer.refuse("400")
  end
  return run(current())
end

-- The same of a worker that says farewell: the error page leads the request to where its connection
-- ends.
function polite.balancer(usual)
  return function()
    if farewell.turns_away() then
      return balancer.refuse(FAREWELL)
    end
    return usual()
  end
end

-- Answers a request whose host is none, or not the one of its handshake, or that has too many
-- fields of one connection or too large a body; of others takes these fields away.
local function check_hops()
  local var = ngx.var
  -- only an instance with a listener that is strict has that variable
  if (var.orctl_other_name or "") ~= "" and certs.differ(var.ssl_server_name, var.host) then
    return refuse(421)
  elseif var.orctl_host == "" or not hops.remove(find_route) then
    return ngx.exit(BAD)
  elseif (var.orctl_too_large or "") ~= "" then -- which no instance without a limit has
    return refuse(413)
  end
end

--- rewrite_by_lua of requests whose host is none, or not the one of their handshake, or that have
-- fields of one connection of which nginx does not know.
function _M.hops()
  check_hops()
  if has_policies then
    return policies.rewrite(find_route())
  end
end

function polite.hops()
  check_hops()
  farewell.go(true)
  if has_policies then
    return policies.rewrite(find_route())
  end
end

--- rewrite_by_lua, in an instance whose manifest has routes with policies.
function _M.rewrite()
  return policies.rewrite(route(current()))
end

function of_old_nginx.rewrite()
  if has_several() then
    return _M.hops()
  end
  return policies.rewrite(route(current()))
end

function polite.rewrite(usual)
  return function()
    farewell.go()
    return usual()
  end
end

local function this_request()
  return tonumber(ffi.cast(uintptr, get_request()))
end

--- access_by_lua of the same.
function _M.access()
  return policies.access(found(this_request()))
end

--- header_filter_by_lua.
function _M.header_filter()
  if remove_from_answer() and has_policies then
    return policies.header_filter(found(this_request()))
  end
end

--- The same where a listener speaks HTTP/2.
function _M.header_filter_http2()
  if hops.mend_for_http2() then
    return _M.header_filter()
  end
end

--- log_by_lua.
_M.log = balancer.done

--- The same, of servers that an overlay has added.
_M.ended = balancer.ended

local details = {
  [400] = "the request is not HTTP",
  [404] = "nothing answers to this host and path",
  [405] = "this method is not allowed",
  [408] = "the request did not arrive in time",
  [412] = "the document is not the one the request names",
  [413] = "the body is too large",
  [414] = "the request line is too long",
  [421] = "the connection was made for a host that has another certificate",
  [429] = "too many requests; Retry-After says in how many seconds there is room again",
  [431] = "the header is too large",
  [500] = "the gateway failed; its error log says why",
  [502] = "no server answered",
  [503] = "no server can take the request",
  [504] = "no server answered in time",
}

--- content_by_lua of the error pages: an error of nginx itself as a problem document.
function _M.fail()
  local decided = ngx.var.orctl_error
  if decided == FAREWELL then
    ngx.var.orctl_error = ""
    return farewell.turn()
  end
  local status = tonumber(decided) or ngx.status
  if decided == "400" then
    return _M.bad()
  elseif decided == "" then
    ngx.var.orctl_error = status -- for the log
  end
  if status == 502 or status == 504 then
    balancer.failed()
  end
  return problem.send(status, details[status])
end

--- content_by_lua of requests that reach no route.
function _M.bad()
  ngx.var.orctl_error = "400"
  local detail = "Connection names too many fields"
  if ngx.var.orctl_host == "" or not ngx.var.http_host then
    detail = "the request's host is not a host name or an address, or its port is none"
  end
  return problem.send(400, detail)
end

local function is_localhost(host)
  return host == "localhost"
end

-- A name in Host could be one that an attacker points at this address; an address cannot.
local function is_address(host)
  return host:find("^%d+%.%d+%.%d+%.%d+:?%d*$") or host:find("^%[[%x:.]+%]:?%d*$")
end

--- content_by_lua of the admin endpoint.
function _M.admin()
  return admin.run(is_localhost)
end

--- content_by_lua of the admin endpoint on TCP.
function _M.admin_tcp()
  return auth.check() and admin.run(is_address)
end

return _M
