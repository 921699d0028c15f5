-- The Host-header document, which tells backends and the hosts that lead to them, to a gateway
-- document and back. Pure. schemas/host_balancer.json says the same for `orctl import`.
local address = require("orctl.lib.address")
local checker = require("orctl.document.check")
local document = require("orctl.document.gateway")
local json = require("orctl.lib.json")
local splice = require("orctl.document.splice")
local step = require("orctl.lib.pace").step

local _M = {}

local MAX_NAME, MAX_DURATION = 64, 9 -- characters, as document/gateway.lua has it
local DAY = 24 * 3600

local show = checker.show

-- An IPv6 address may stand with brackets or without.
local function bracketed(host)
  return host:find(":", 1, true) and host:sub(1, 1) ~= "[" and "[" .. host .. "]" or host
end

local function seconds_rule()
  return { type = "number" } -- how large it may be, check_seconds() says
end

local server = { type = "object", fields = {
  addr = { type = "string", required = true, max_length = 64,
    check = function(text) return address.parse(bracketed(text) .. ":1") end,
    hint = "an IPv4 or IPv6 address; host names are not resolved" },
  port = { type = "integer", required = true, min = 1, max = 65535 },
  weight = { type = "integer", min = 1, max = 1000 },
} }

local health_check = { type = "object", fields = {
  enable = { type = "boolean" },
  type = { type = "string", enum = { http = true, tcp = true }, hint = "\"http\" or \"tcp\"" },
  uri = document.path_rule,
  interval = seconds_rule(),
  timeout = seconds_rule(),
  success = { type = "integer", min = 1, max = 100 },
  fail = { type = "integer", min = 1, max = 100 },
} }

local function name_rule()
  return { type = "string", required = true, max_length = 255, pattern = "^[ -~]+$",
    hint = "a name of 1 to 255 printable ASCII characters" }
end

local backend = { type = "object", fields = {
  backend_name = name_rule(),
  health_check = health_check,
  servers = { type = "array", required = true, items = server, max_items = 10000 },
} }

local host = { type = "object", fields = {
  host = { type = "string", required = true, max_length = 253,
    check = function(text) return text:sub(1, 1) ~= "*" and document.is_host(text) end,
    hint = "a host name; no wildcard and no port" },
  backend_name = name_rule(),
} }

local rules = { type = "object", fields = {
  backends = { type = "array", required = true, items = backend, max_items = 10000 },
  hosts = { type = "array", required = true, items = host, max_items = 10000 },
} }

local function items(value)
  return json.type(value) == "array" and value or {}
end

local function member(value, name, kind)
  local found = json.type(value) == "object" and value[name]
  return type(found) == kind and found or nil
end

local function duration(seconds)
  local number = math.floor(seconds * 1000 + 0.5)
  return number % 1000 == 0 and ("%ds"):format(number / 1000) or ("%dms"):format(number)
end

local function is_seconds(number)
  local whole = math.abs(math.floor(number * 1000 + 0.5) - number * 1000) < 1e-6
  return number >= 0.001 and number <= DAY and whole and #duration(number) <= MAX_DURATION
end

local function check_seconds(checks, at, faults, fault_at)
  for _, name in ipairs({ "interval", "timeout" }) do
    local value = member(checks, name, "number")
    if value and not is_seconds(value) then
      fault_at(faults, { "backends", at, "health_check", name },
        "%s is not a number of seconds from 0.001 to %d, in whole milliseconds", show(value), DAY)
    end
  end
end

local function check_servers(servers, at, faults, fault_at)
  local seen = {}
  for j, one in ipairs(items(servers)) do
    local addr, port = member(one, "addr", "string"), member(one, "port", "number")
    local _, _, key = address.parse(bracketed(addr or "") .. ":" .. (port or ""))
    if key and seen[key] then
      fault_at(faults, { "backends", at, "servers", j - 1 }, "%s port %d is listed twice",
        show(addr), port)
    end
    seen[key or ""] = true
  end
end

local function check_meaning(value, faults, fault_at)
  local names, hosts = {}, {}
  for i, one in ipairs(items(value.backends)) do
    local name = member(one, "backend_name", "string")
    if name and names[name] then
      fault_at(faults, { "backends", i - 1, "backend_name" }, "backend %s is named twice",
        show(name))
    end
    names[name or ""] = true
    if json.type(one) == "object" then
      check_seconds(one.health_check, i - 1, faults, fault_at)
      check_servers(one.servers, i - 1, faults, fault_at)
    end
  end
  for i, one in ipairs(items(value.hosts)) do
    local text, to = member(one, "host", "string"), member(one, "backend_name", "string")
    if to and not names[to] then
      fault_at(faults, { "hosts", i - 1, "backend_name" }, "there is no backend %s", show(to))
    end
    local key = text and text:lower()
    if key and hosts[key] then
      fault_at(faults, { "hosts", i - 1, "host" }, "host %s stands above", show(text))
    end
    hosts[key or ""] = true
  end
end

--- Faults of a decoded Host-header document, as document.check() has them of its own.
function _M.check(value)
  return checker.check(value, rules, check_meaning)
end

--- Whether a decoded value is meant to be a Host-header document: told by its members.
function _M.is_meant(value)
  return json.type(value) == "object" and (value.backends ~= nil or value.hosts ~= nil)
    and value.format == nil and value.upstreams == nil and value.routes == nil
end

local function is_name(text)
  return #text <= MAX_NAME and text:find("^[a-z][a-z0-9_-]*$") ~= nil
end

--- Name of an upstream for each name of a backend. One that upstreams cannot have becomes lower
-- case with `-` for what is not allowed, and gets a number if that is taken.
function _M.names(backends)
  local map, taken = {}, {}
  for _, one in ipairs(backends) do
    if is_name(one.backend_name) then
      map[one.backend_name], taken[one.backend_name] = one.backend_name, true
    end
  end
  for _, one in ipairs(backends) do
    if not map[one.backend_name] then
      local base = one.backend_name:lower():gsub("[^a-z0-9_-]", "-")
      base = (base:find("^%l") and base or "b-" .. base):sub(1, MAX_NAME)
      local name, number = base, 1
      while taken[name] do
        number = number + 1
        name = base:sub(1, MAX_NAME - #tostring(number) - 1) .. "-" .. number
      end
      map[one.backend_name], taken[name] = name, true
    end
  end
  return map
end

-- What is absent is what the system that this document comes from took for it.
local function to_health(value)
  if not value or value.enable ~= true then
    return nil
  end
  return { type = value.type or "tcp", path = value.uri, interval = duration(value.interval or 1),
    timeout = duration(value.timeout or 1), rise = value.success or 1, fall = value.fail or 1 }
end

--- Gateway document of a Host-header document without faults.
function _M.from(value)
  local names = _M.names(value.backends)
  local upstreams, routes = json.array(), json.array()
  for i, one in ipairs(value.backends) do
    local servers = json.array()
    for j, peer in ipairs(one.servers) do
      servers[j] = { address = bracketed(peer.addr) .. ":" .. peer.port, weight = peer.weight }
    end
    upstreams[i] = { name = names[one.backend_name], servers = servers,
      health = to_health(one.health_check) }
  end
  for i, one in ipairs(value.hosts) do
    routes[i] = { host = one.host, path = "/", upstream = names[one.backend_name] }
  end
  return { format = 1, upstreams = upstreams, routes = routes }
end

--- Compiled gateway document and its bytes, from a decoded Host-header document; else nil, a
-- reason, and the faults.
function _M.take(value)
  local faults = _M.check(value)
  if faults.count > 0 then
    return nil, checker.summary(faults), faults
  end
  local made = _M.from(value)
  local compiled, reason, more = document.take(made)
  return compiled, compiled and splice.document_text(made) or reason, more
end

-- The first check; tell() names what is beyond it.
local function from_health(compiled)
  if not compiled then
    return { enable = false }
  end
  local check = compiled.checks[1]
  local uri = (check.type == "http" or check.path ~= "/") and check.path or nil
  return { enable = true, type = check.type == "http" and "http" or "tcp", uri = uri,
    interval = check.interval, timeout = check.timeout, success = check.rise, fail = check.fall }
end

local function to_backend(raw, compiled)
  local servers = json.array()
  for i, peer in ipairs(compiled.servers) do
    servers[i] = { addr = peer.host:gsub("[%[%]]", ""), port = peer.port,
      weight = raw.servers[i].weight }
  end
  return { backend_name = raw.name, servers = servers, health_check = from_health(compiled.health) }
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for name, value in pairs(a) do
    if not same(value, b[name]) then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

local function cannot(what)
  return ("a Host-header document cannot say %s"):format(what)
end

local tell

local function tell_health(faults, pointer, raw, wanted, got)
  if raw.checks then
    faults[#faults + 1] = { pointer = pointer .. "/checks", detail = cannot("checks") }
    return
  end
  got.checks[1].name = wanted.checks[1].name -- that is made of the type
  tell(faults, pointer, raw, wanted.checks[1], got.checks[1])
  if not same(wanted.flap, got.flap) then
    faults[#faults + 1] = { pointer = pointer .. "/flap", detail = cannot("flap") }
  end
end

-- Names every member in which `got`, made from the Host-header document, is not `wanted`. Both are
-- compiled: a member that says what is the default anyway is no difference.
function tell(faults, pointer, raw, wanted, got)
  local names = {}
  for name, value in pairs(wanted) do
    if not same(value, got[name]) then names[#names + 1] = name end
  end
  for name in pairs(got) do
    if wanted[name] == nil then names[#names + 1] = name end
  end
  table.sort(names)
  local count = #faults
  for _, name in ipairs(names) do
    local inner = raw[name]
    if name == "servers" then
      for i, one in ipairs(wanted.servers) do
        tell(faults, ("%s/servers/%d"):format(pointer, i - 1), inner[i], one, got.servers[i])
      end
    elseif name == "health" and wanted.health and got.health then
      tell_health(faults, pointer .. "/health", inner, wanted.health, got.health)
    elseif inner ~= nil then
      faults[#faults + 1] = { pointer = pointer .. "/" .. name, detail = cannot(name) }
    end
  end
  -- Nothing that stands there differs, but what was compiled of it does.
  if names[1] and #faults == count then
    faults[count + 1] = { pointer = pointer, detail = cannot(table.concat(names, ", ")) }
  end
end

local function compile(upstream, route)
  step(4)
  return document.compile({ format = 1, upstreams = { upstream }, routes = { route } })
end

local function check_route(faults, at, raw)
  local pointer = "/routes/" .. at
  if not raw.host or raw.host:sub(1, 1) == "*" then
    faults[#faults + 1] = { pointer = pointer,
      detail = "a Host-header document has no route for many hosts, only for one" }
    return
  end
  tell(faults, pointer, raw, compile(nil, raw).routes[1],
    compile(nil, { host = raw.host, path = "/", upstream = raw.upstream }).routes[1])
end

--- Host-header document of a sound, decoded gateway document; nil and a list of faults {pointer,
-- detail} if it holds what a Host-header document cannot say.
function _M.to(value)
  local backends, hosts, faults = json.array(), json.array(), {}
  for name in pairs(value) do
    if name ~= "format" and name ~= "upstreams" and name ~= "routes" then
      faults[#faults + 1] = { pointer = "/" .. name, detail = cannot(name) }
    end
  end
  for i, raw in ipairs(value.upstreams) do
    local compiled = compile(raw).upstreams[1]
    backends[i] = to_backend(raw, compiled)
    local back = _M.from({ backends = { backends[i] }, hosts = {} }).upstreams[1]
    tell(faults, "/upstreams/" .. (i - 1), raw, compiled, compile(back).upstreams[1])
  end
  for i, raw in ipairs(value.routes) do
    check_route(faults, i - 1, raw)
    hosts[i] = { host = raw.host, backend_name = raw.upstream }
  end
  if faults[1] then
    return nil, faults
  end
  return { backends = backends, hosts = hosts }
end

return _M
