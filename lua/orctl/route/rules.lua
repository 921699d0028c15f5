-- The part of a gateway document that is one route: its rules, what a schema cannot say of it, and
-- how it is compiled, but for its policies (policy/chain.lua). Pure; document/gateway.lua walks the
-- rules.
local chain = require("orctl.policy.chain")
local fields = require("orctl.route.fields")

local _M = {}

local check_names, members, strings = fields.check_names, fields.members, fields.strings

local PATH = "^/[!-\"$->@-~]*$"

local duration, host = fields.duration, fields.host

-- A protocol of Upgrade (RFC 9110, 7.8): a name, and a version if it has one.
local protocol = { type = "string", max_length = 64,
  check = function(text) return text:gsub("(.)/(.)", "%1%2", 1):find(fields.TOKEN) end,
  hint = "a protocol as in Upgrade: a name, or NAME/VERSION" }

--- The rules of a route, as document/check.lua reads them.
_M.rule = { type = "object", fields = {
  host = host,
  hosts = { type = "array", items = host, min_items = 1, max_items = 1000 },
  path = { type = "string", required = true, pattern = PATH, max_length = 1024,
    hint = "a path that begins with /, without spaces, ? and #" },
  match = { type = "string", enum = { prefix = true, exact = true },
    hint = "\"prefix\" or \"exact\"" },
  methods = { type = "array", min_items = 1, max_items = 32, items = { type = "string",
    pattern = "^%u[%u_-]*$", max_length = 32, hint = "a method in capitals, such as \"GET\"" } },
  headers = { type = "object",
    names = { type = "string", pattern = "^[%w-]+$", max_length = 128,
      hint = "a header's name made of letters, digits and -" },
    values = fields.header_value },
  upstream = fields.upstream_name,
  upgrades = { type = "array", min_items = 1, max_items = 16, items = protocol },
  connect_timeout = duration,
  send_timeout = duration,
  read_timeout = duration,
} }
chain.add_rules(_M.rule.fields)

-- Behind these stand requests of HTTP again, which no route would see.
local tunnels = fields.names("h2c h2 h3 http tls")

local function check_upgrades(route, report)
  for i, text in ipairs(strings(route.upgrades)) do
    if tunnels[text:lower():match("^[^/]*")] then
      report({ "upgrades", i - 1 }, "%s would be a tunnel for requests past every route", text)
    end
  end
end

--- What a schema cannot say of one route; `report(path, format, ...)` takes the names that lead
-- from the route to the fault.
function _M.check(route, report)
  if route.host ~= nil and route.hosts ~= nil then
    report({ "hosts" }, "a route has host or hosts, not both")
  end
  if route.upstream == nil and route.redirect == nil then
    report({ "upstream" }, "a route needs an upstream or a redirect")
  elseif route.upstream ~= nil and route.redirect ~= nil then
    report({ "redirect" }, "a route has an upstream or a redirect, not both")
  end
  check_upgrades(route, report)
  for _, one in ipairs({ "hosts", "methods", "upgrades" }) do
    local list = {}
    for i, text in ipairs(strings(route[one])) do list[i] = { text, { one, i - 1 } } end
    check_names(list, {}, nil, report)
  end
  local headers = {}
  for i, one in ipairs(members(route.headers)) do
    headers[i] = { one[1], { "headers", one[1] } }
  end
  check_names(headers, {}, nil, report)
  chain.check(route, report)
end

-- "*" asks for the header, "text*" for a value that begins so, anything else for that very value.
local function compile_headers(value)
  local list = members(value)
  for i, one in ipairs(list) do
    local name, text = "http_" .. one[1]:lower():gsub("-", "_"), one[2]
    name = name == "http_host" and "orctl_host" or name -- as servers see it
    local kind = text == "*" and "present" or text:sub(-1) == "*" and "prefix" or "equals"
    list[i] = { name, kind, kind == "prefix" and text:sub(1, -2) or text }
  end
  return #list > 0 and list or nil
end

--- A checked route as the gateway uses it, fit for json.pack; `seconds` reads a duration.
function _M.compile(route, seconds)
  local hosts, methods
  for i, name in ipairs(strings(route.hosts)) do
    hosts = hosts or {}
    hosts[i] = name:lower()
  end
  for _, name in ipairs(strings(route.methods)) do
    methods = methods or {}
    methods[name] = true
    methods.HEAD = methods.HEAD or name == "GET" or nil
  end
  local upgrades = route.upgrades and {} -- in lower case, as Upgrade names them in any
  for _, name in ipairs(strings(route.upgrades)) do upgrades[name:lower()] = true end
  local function time(name)
    return route[name] and seconds(route[name])
  end
  local compiled = {
    host = route.host and route.host:lower(), hosts = hosts, path = route.path,
    exact = route.match == "exact" or nil,
    methods = methods, headers = compile_headers(route.headers), upstream = route.upstream,
    upgrades = upgrades,
    connect_timeout = time("connect_timeout"), send_timeout = time("send_timeout"),
    read_timeout = time("read_timeout"),
  }
  chain.compile(route, compiled, seconds)
  return compiled
end

return _M
