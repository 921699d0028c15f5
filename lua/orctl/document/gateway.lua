-- Checks a gateway document and compiles it into the values that requests are served from. Pure,
-- but for pauses in which requests are served while a large document is read.
-- `rules` says in Lua what schemas/gateway.json says; a test holds the two together.
local address = require("orctl.lib.address")
local balance = require("orctl.balancer.rules")
local chain = require("orctl.policy.chain")
local checker = require("orctl.document.check")
local fields = require("orctl.route.fields")
local health = require("orctl.health.rules")
local json = require("orctl.lib.json")
local route = require("orctl.route.rules")
local router = require("orctl.route.router")
local step = require("orctl.lib.pace").step

local _M = {}

local fault_at, seconds, show, summary = checker.fault_at, checker.seconds, checker.show,
  checker.summary

-- Of a whole document, as lib/model/document_size.h has them. What a document takes to be built is
-- what a request may have to wait; and policy/rate_limit.lua has room for so many limits.
local MAX_HOSTS, MAX_SERVERS = 20000, 40000

-- Addresses of the document in hand, taken apart once: they are looked at three times.
local parsed = {}

local function parse(text)
  local found = parsed[text]
  if found == nil then
    local host, port, key = address.parse(text)
    found = host and { host = host, port = port, key = key } or false
    parsed[text] = found
  end
  return found
end

local function name_rule(required)
  return { type = "string", required = required, pattern = "^[a-z][a-z0-9_-]*$", max_length = 64,
    hint = "a lower-case letter, then up to 63 of a-z, 0-9, _ and -" }
end

local function duration_rule()
  return { type = "string", duration = true, max_length = 9,
    hint = "a number above 0 and a unit: ms, s, m or h, such as \"500ms\"" }
end

local server = { type = "object", fields = {
  address = { type = "string", required = true, max_length = 64, check = parse,
    hint = "an IPv4 or [IPv6] literal with a port from 1 to 65535; host names are not resolved" },
  weight = { type = "integer", min = 1, max = 1000 },
  backup = { type = "boolean" },
  max_conns = balance.max_conns,
} }

local path_rule = { type = "string", pattern = "^/[!-\"$->@-~]*$", max_length = 1024,
  hint = "a path that begins with /, without spaces, ? and #" }

local upstream = { type = "object", fields = {
  name = name_rule(true),
  connect_timeout = duration_rule(),
  send_timeout = duration_rule(),
  read_timeout = duration_rule(),
  retries = { type = "integer", min = 0, max = 10 },
  min_healthy = { type = "integer", min = 0, max = 1000 },
  health = health.health,
  outlier = health.outlier,
  servers = { type = "array", required = true, items = server, max_items = 10000 },
} }

for name, rule in pairs(balance.fields) do
  upstream.fields[name] = rule
end

local rules = { type = "object", fields = {
  format = { type = "integer", required = true, min = 1, max = 1 },
  upstreams = { type = "array", required = true, items = upstream, max_items = 10000 },
  routes = { type = "array", required = true, items = route.rule, max_items = 10000 },
} }

local function items(value)
  return json.type(value) == "array" and value or {}
end

local function field(value, name)
  if json.type(value) == "object" and type(value[name]) == "string" then
    return value[name]
  end
end

local function below(path, ...)
  local longer = { unpack(path) }
  for i = 1, select("#", ...) do
    longer[#longer + 1] = select(i, ...)
  end
  return longer
end

-- Addresses occur once, and fields fit together. `path` leads to the upstream.
local function check_upstream(up, path, faults)
  if json.type(up) == "object" then
    balance.check(up, function(name, text)
      fault_at(faults, below(path, name), "%s", text)
    end)
  end
  health.check(json.type(up) == "object" and up.health or nil, function(at, ...)
    fault_at(faults, below(path, "health", unpack(at)), ...)
  end)
  local seen = {}
  for i, peer in ipairs(items(json.type(up) == "object" and up.servers or nil)) do
    step()
    local text = field(peer, "address")
    local found = parse(text or "")
    local key = found and found.key
    if key and seen[key] then
      fault_at(faults, below(path, "servers", i - 1, "address"), "%s is listed twice", show(text))
    end
    seen[key or ""] = true
  end
end

-- A sum over the items of a list that goes beyond what a document may have in all.
local function check_sum(list, place, most, faults, name, of)
  local sum = 0
  for i, one in ipairs(list) do
    step(0.3)
    local value = json.type(one) == "object" and one[name]
    local count = value and (of and #items(value) or 1) or 0
    if sum <= most and sum + count > most then
      fault_at(faults, { place, i - 1, name }, "%s in all are too many: at most %d",
        of or "routes with a " .. name, most)
    end
    sum = sum + count
  end
end

local function check_routes(routes, names, faults)
  local seen = {}
  for i, one in ipairs(routes) do
    step(4)
    if json.type(one) == "object" then
      local to = field(one, "upstream")
      if to and not names[to] then
        fault_at(faults, { "routes", i - 1, "upstream" }, "there is no upstream %s", show(to))
      end
      for name, member in chain.with("upstream") do
        local other = field(one[name], member)
        if other and not names[other] then
          fault_at(faults, { "routes", i - 1, name, member }, "there is no upstream %s",
            show(other))
        end
      end
      route.check(one, function(path, ...)
        fault_at(faults, { "routes", i - 1, unpack(path) }, ...)
      end)
      local again
      for _, key in ipairs(field(one, "path") and router.keys(one) or {}) do
        step()
        again = again or seen[key] and seen[key] ~= i
        seen[key] = i
      end
      if again then
        fault_at(faults, { "routes", i - 1 },
          "a route for the same host, path, methods and headers stands above")
      end
    end
  end
end

-- What a schema cannot say: names and addresses occur once, and routes lead somewhere. Looks at
-- whatever is sound enough to be looked at, so that one kind of fault does not hide the other.
local function check_references(value, faults)
  local names = {}
  for i, up in ipairs(items(value.upstreams)) do
    step()
    local name = field(up, "name")
    if name and names[name] then
      fault_at(faults, { "upstreams", i - 1, "name" }, "upstream %s is named twice", show(name))
    end
    names[name or ""] = true
    check_upstream(up, { "upstreams", i - 1 }, faults)
  end
  check_routes(items(value.routes), names, faults)
  check_sum(items(value.upstreams), "upstreams", MAX_SERVERS, faults, "servers", "servers")
  check_sum(items(value.routes), "routes", MAX_HOSTS, faults, "hosts", "hosts")
  for name, most in chain.with("most") do
    check_sum(items(value.routes), "routes", most, faults, name)
  end
end

--- The faults of a decoded document.
function _M.check(value)
  return checker.check(value, rules, check_references)
end

-- For other kinds of documents.
_M.is_host, _M.path_rule = fields.is_host, path_rule

local function compile_upstream(up)
  local servers = {}
  for i, one in ipairs(up.servers) do
    step()
    local found = parse(one.address)
    servers[i] = { address = one.address, host = found.host, port = found.port, key = found.key,
      weight = one.weight or 1, backup = one.backup or false,
      max_conns = one.max_conns }
  end
  local compiled = {
    name = up.name,
    connect_timeout = seconds(up.connect_timeout or "5s"),
    send_timeout = seconds(up.send_timeout or "60s"),
    read_timeout = seconds(up.read_timeout or "60s"),
    retries = up.retries or 2,
    min_healthy = up.min_healthy or 1,
    health = up.health and health.compile(up.health, seconds),
    outlier = up.outlier and health.compile_outlier(up.outlier, seconds),
    servers = servers,
  }
  balance.compile(up, compiled, seconds)
  return compiled
end

--- Defaults filled in, durations in seconds, addresses taken apart, hosts in lower case; only for
-- a document without faults. `empty` is the name of the first upstream without servers.
function _M.compile(value)
  local upstreams, routes, empty = {}, {}, nil
  for i, up in ipairs(value.upstreams) do
    step(2)
    upstreams[i] = compile_upstream(up)
    empty = empty or (#up.servers == 0 and up.name or nil)
  end
  for i, one in ipairs(value.routes) do
    step(4)
    routes[i] = route.compile(one, seconds)
  end
  return { upstreams = upstreams, routes = routes, empty = empty }
end

--- Value of a JSON text; nil and a reason if it is none.
function _M.decode(bytes)
  local value, err = json.decode(bytes)
  return value, err and "not a JSON document: " .. err:gsub("[^ -~]", "?")
end

--- Compiled document from its decoded value; else nil, a reason, and the faults.
function _M.take(value)
  parsed = {}
  local faults = _M.check(value)
  if faults.count > 0 then
    return nil, summary(faults), faults
  end
  local compiled = _M.compile(value)
  parsed = {}
  return compiled
end

--- Compiled document from its bytes; else nil, a reason, and the faults if it was JSON at all.
function _M.read(bytes)
  local value, err = _M.decode(bytes)
  if err then
    return nil, err
  end
  return _M.take(value)
end

--- The same for one upstream: a compiled document that holds it and no routes, and the value it was
-- made of.
function _M.read_upstream(bytes)
  parsed = {}
  local value, err = _M.decode(bytes)
  if err then
    return nil, err
  end
  local faults = checker.check(value, upstream)
  if faults.count == 0 then
    check_upstream(value, {}, faults)
  end
  if faults.count > 0 then
    return nil, summary(faults), faults
  end
  local compiled = compile_upstream(value)
  parsed = {}
  return { upstreams = { compiled }, empty = #compiled.servers == 0 and compiled.name or nil },
    value
end

return _M
