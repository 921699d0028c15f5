-- Checks a gateway document and compiles it into the values that requests are served from. Pure,
-- but for pauses in which requests are served while a large document is read.
-- `rules` says in Lua what schemas/gateway.json says; a test holds the two together.
local address = require("orctl.lib.address")
local balance = require("orctl.balancer.rules")
local health = require("orctl.health.rules")
local json = require("orctl.lib.json")
local route = require("orctl.route.rules")
local step = require("orctl.lib.pace").step

local _M = {}

local MAX_FAULTS = 1000

-- Of a whole document, as lib/model/document_size.h has them. What a document takes to be built is
-- what a request may have to wait; and policy/rate_limit.lua has room for so many limits.
local MAX_LIMITS, MAX_HOSTS, MAX_SERVERS = 1000, 20000, 40000
local DAY_MS = 24 * 3600 * 1000

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

-- A value as a message may show it: short and printable.
local function show(value)
  if json.type(value) == "array" or json.type(value) == "object" then
    return "an " .. json.type(value)
  end
  local text = value == json.null and "null" or tostring(value)
  text = text:gsub("[^ -~]", "?")
  text = #text > 60 and text:sub(1, 57) .. "..." or text
  return type(value) == "string" and "\"" .. text .. "\"" or text
end

local function pointer_part(name)
  return "/" .. tostring(name):gsub("[^ -~]", "?"):gsub("~", "~0"):gsub("/", "~1")
end

-- `faults.path` holds the names and indices that lead to the value in hand. It becomes a pointer
-- only here: a sound document makes none.
local function fault(faults, ...)
  faults.count = faults.count + 1
  if faults.count <= MAX_FAULTS then
    local parts = {}
    for i, name in ipairs(faults.path) do
      parts[i] = pointer_part(name)
    end
    faults[faults.count] = { pointer = table.concat(parts), detail = string.format(...) }
  end
end

local function fault_at(faults, path, ...)
  local saved = faults.path
  faults.path = path
  fault(faults, ...)
  faults.path = saved
end

local units = { ms = 1, s = 1000, m = 60000, h = 3600000 }

local function milliseconds(text)
  local number, unit = text:match("^(%d+)(%l+)$")
  number = tonumber(number)
  return number and units[unit] and number > 0 and number * units[unit] or nil
end

local check

local function check_object(value, rule, faults)
  local path = faults.path
  local depth = #path + 1
  local fields = rule.fields or {}
  step()
  for name, one in pairs(value) do
    step(0.1)
    -- An object that was empty holds a mark and nothing else.
    local mark = name == "" and one == json.null and next(value, next(value)) == nil
    path[depth] = name
    if rule.names and not mark then
      check(name, rule.names, faults)
      check(one, rule.values, faults)
    elseif not fields[name] and not mark then
      fault(faults, "unknown field %s", show(name))
    end
  end
  for name, field in pairs(fields) do
    path[depth] = name
    if value[name] ~= nil then
      check(value[name], field, faults)
    elseif field.required then
      fault(faults, "required field is missing")
    end
  end
  path[depth] = nil
end

local function check_array(value, rule, faults)
  if #value > rule.max_items then
    return fault(faults, "%d items are too many: at most %d", #value, rule.max_items)
  elseif #value < (rule.min_items or 0) then
    return fault(faults, "%d items are too few: at least %d", #value, rule.min_items)
  end
  local path = faults.path
  local depth = #path + 1
  for i = 1, #value do
    step()
    path[depth] = i - 1
    check(value[i], rule.items, faults)
  end
  path[depth] = nil
end

local function check_string(value, rule, faults)
  local good = (not rule.enum or rule.enum[value])
    and (not rule.pattern or value:find(rule.pattern))
    and (not rule.max_length or #value <= rule.max_length)
    and (not rule.check or rule.check(value))
    and (not rule.duration or milliseconds(value))
  if not good then
    fault(faults, "%s is not %s", show(value), rule.hint)
  elseif rule.duration and milliseconds(value) > (rule.longest or DAY_MS) then
    fault(faults, "%s is too long: at most \"%dh\"", show(value),
      (rule.longest or DAY_MS) / 3600000)
  end
end

-- Appends to `faults` where `value` does not follow `rule`.
function check(value, rule, faults)
  local kind = json.type(value)
  rule = rule.either and (rule.either[kind] or rule.either.string) or rule
  if kind == "number" and rule.type == "integer" then
    if value ~= math.floor(value) or value < rule.min or value > rule.max then
      fault(faults, "%s is not a whole number from %d to %d", show(value), rule.min, rule.max)
    elseif rule.check and not rule.check(value) then
      fault(faults, "%s is not %s", show(value), rule.hint)
    end
  elseif kind ~= rule.type then
    -- An empty table was `[]` in the source: json.decode marks empty objects.
    fault(faults, "%s is not %s %s", show(value), rule.type:find("^[aeiou]") and "an" or "a",
      rule.type)
  elseif kind == "object" then
    check_object(value, rule, faults)
  elseif kind == "array" then
    check_array(value, rule, faults)
  elseif kind == "string" then
    check_string(value, rule, faults)
  end
end

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
        of or "routes with a rate_limit", most)
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
      local canary = json.type(one.canary) == "object" and field(one.canary, "upstream")
      if canary and not names[canary] then
        fault_at(faults, { "routes", i - 1, "canary", "upstream" }, "there is no upstream %s",
          show(canary))
      end
      route.check(one, function(path, ...)
        fault_at(faults, { "routes", i - 1, unpack(path) }, ...)
      end)
      local again
      for _, key in ipairs(field(one, "path") and route.keys(one) or {}) do
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
  check_sum(items(value.routes), "routes", MAX_LIMITS, faults, "rate_limit")
end

local function by_pointer(faults)
  faults.path = nil
  table.sort(faults, function(a, b)
    return a.pointer < b.pointer or (a.pointer == b.pointer and a.detail < b.detail)
  end)
  return faults
end

--- List of faults {pointer, detail} of any decoded value by the rule for it, in the order of their
-- pointers, empty if it is sound; `count` is their number, of which the first 1000 are kept.
-- `further(value, faults, fault_at)` adds what a rule cannot say of an object.
function _M.check_value(value, rule, further)
  local faults = { count = 0, path = {} }
  check(value, rule, faults)
  if further and json.type(value) == "object" then
    further(value, faults, fault_at)
  end
  return by_pointer(faults)
end

--- The faults of a decoded document.
function _M.check(value)
  return _M.check_value(value, rules, check_references)
end

--- What is wrong in one line: the first fault, and how many there are more.
function _M.summary(faults)
  local first = faults[1]
  return ("%s: %s%s"):format(first.pointer == "" and "document" or first.pointer, first.detail,
    faults.count > 1 and (" (and %d more)"):format(faults.count - 1) or "")
end

-- For other kinds of documents.
_M.show, _M.is_host, _M.path_rule = show, route.is_host, path_rule

local function seconds(text)
  return milliseconds(text) / 1000
end

--- Seconds of a duration, which is sound.
_M.seconds = seconds

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
    return nil, _M.summary(faults), faults
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
  local faults = _M.check_value(value, upstream)
  if faults.count == 0 then
    check_upstream(value, {}, faults)
  end
  if faults.count > 0 then
    return nil, _M.summary(faults), faults
  end
  local compiled = compile_upstream(value)
  parsed = {}
  return { upstreams = { compiled }, empty = #compiled.servers == 0 and compiled.name or nil },
    value
end

return _M
