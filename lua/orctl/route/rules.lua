-- The part of a gateway document that is one route: its rules, what a schema cannot say of it, and
-- how it is compiled. Pure; document/gateway.lua walks the rules.
local json = require("orctl.lib.json")
local request_key = require("orctl.route.request_key")
local sha256 = require("orctl.lib.sha256")

local _M = {}

local PATH = "^/[!-\"$->@-~]*$"
local PLAIN_PATH = "^/[%w._~!$&'()*+,;=:@/-]*$"
local URL_PATH = "^/[%w._~!$&'()*+,;=:@%%/-]*$"
local QUERY = "^%??[%w._~!$&'()*+,;=:@%%/?-]*$"
local TOKEN = "^[%w!#$%%&'*+.^_`|~-]+$"

-- What nginx writes itself, or what belongs to one connection (RFC 9110, 7.6.1).
local function names(text)
  local set = {}
  for name in text:gmatch("%S+") do set[name] = true end
  return set
end

local CONNECTION = "connection content-length http2-settings keep-alive proxy-authenticate "
  .. "proxy-authentication-info proxy-authorization proxy-connection proxy-features "
  .. "proxy-instruction te trailer transfer-encoding upgrade "
local kept_names = {
  request_headers = names(CONNECTION
    .. "expect forwarded host x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip"),
  response_headers = names(CONNECTION .. "date server"),
}

-- A host name, optionally below `*.`; labels may hold `_`, and no label begins or ends with `-`.
local function is_host(text)
  local rest = text:gsub("^%*%.", "") .. "."
  for label in rest:gmatch("([^.]*)%.") do
    if not label:find("^[%w_][%w_-]*$") or label:find("-$") then
      return false
    end
  end
  return true
end

--- Whether a text is a host name, or `*.` and one.
_M.is_host = is_host

-- Whether a segment of the path is `.` or `..`, which a server would resolve.
local function has_dots(path)
  path = path .. "/"
  return path:find("/./", 1, true) or path:find("/../", 1, true)
end

-- A path, or http(s)://HOST[:PORT] with or without one; HOST may be {host}, the request's own.
local function is_target(text)
  local place, query = text:match("^([^?]*)(.*)$")
  local authority, path = place:match("^https?://([^/]*)(.*)$")
  if not query:find(QUERY) then
    return false
  elseif not authority then
    return place:find(URL_PATH) and not place:find("^//")
  end
  local name, port = authority:match("^([^:]+):([1-9]%d*)$")
  name = name or authority
  return (name == "{host}" or not name:find("*", 1, true) and is_host(name))
    and (not port or tonumber(port) < 65536) and (path == "" or path:find(URL_PATH))
end

local duration = { type = "string", duration = true, max_length = 9,
  hint = "a number above 0 and a unit: ms, s, m or h, such as \"500ms\"" }
local host = { type = "string", max_length = 253, check = is_host,
  hint = "a host name, or `*.` and a host name for all its subdomains; no port" }
local header_name = { type = "string", pattern = TOKEN, max_length = 128,
  hint = "a header's name (RFC 9110: letters, digits and !#$%&'*+-.^_`|~)" }
local header_value = { type = "string", max_length = 4096,
  check = function(text)
    return text:find("^[ -~]+$") and not text:find("^ ") and not text:find(" $")
  end,
  hint = "a header's value: printable ASCII that neither begins nor ends with a blank" }
local values = { type = "object", names = header_name, values = header_value }

local edits = { type = "object", fields = {
  set = values,
  add = values,
  remove = { type = "array", items = header_name, max_items = 100 },
} }

local upstream_name = { type = "string", pattern = "^[a-z][a-z0-9_-]*$", max_length = 64,
  hint = "a lower-case letter, then up to 63 of a-z, 0-9, _ and -" }
local required_name = { type = "string", required = true, pattern = upstream_name.pattern,
  max_length = 64, hint = upstream_name.hint }

local canary = { type = "object", fields = {
  upstream = required_name,
  percent = { type = "integer", required = true, min = 0, max = 100 },
  by = { type = "string", max_length = request_key.MAX_LENGTH, check = request_key.is_key,
    hint = request_key.HINT },
} }

local rate_limit = { type = "object", fields = {
  requests = { type = "integer", required = true, min = 1, max = 1000000 },
  per = duration,
  burst = { type = "integer", min = 1, max = 1000000 },
  by = { type = "string", max_length = request_key.MAX_LENGTH,
    check = function(text) return text == "route" or request_key.is_key(text) end,
    hint = request_key.HINT .. ", or route" },
} }

-- A protocol of Upgrade (RFC 9110, 7.8): a name, and a version if it has one.
local protocol = { type = "string", max_length = 64,
  check = function(text) return text:gsub("(.)/(.)", "%1%2", 1):find(TOKEN) end,
  hint = "a protocol as in Upgrade: a name, or NAME/VERSION" }

--- The rules of a route, as document/gateway.lua reads them.
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
    values = header_value },
  upstream = upstream_name,
  canary = canary,
  rate_limit = rate_limit,
  redirect = { type = "object", fields = {
    status = { type = "integer", min = 301, max = 308,
      check = function(status) return status ~= 303 and (status < 304 or status > 306) end,
      hint = "301, 302, 307 or 308" },
    target = { type = "string", required = true, max_length = 1024, check = is_target,
      hint = "a path, or http:// or https:// with a host, a port and a path; no #" },
    keep_path = { type = "boolean" },
    keep_query = { type = "boolean" },
  } },
  strip_prefix = { type = "boolean" },
  rewrite = { type = "string", pattern = PLAIN_PATH, max_length = 1024,
    hint = "a path that begins with /, of letters, digits and ._~!$&'()*+,;=:@/-" },
  request_headers = edits,
  response_headers = edits,
  obey_x_accel = { type = "array", min_items = 1, max_items = 2,
    items = { type = "string", enum = { buffering = true, ["limit-rate"] = true },
      hint = "\"buffering\" or \"limit-rate\"" } },
  upgrades = { type = "array", min_items = 1, max_items = 16, items = protocol },
  connect_timeout = duration,
  send_timeout = duration,
  read_timeout = duration,
  client_max_body_size = { type = "string", max_length = 12, pattern = "^%d+[kKmMgG]?$",
    check = function(text) return #text:match("^%d+") <= 9 end,
    hint = "a number of bytes, or of k, m or g; \"0\" for no limit" },
} }

local function is_object(value)
  return json.type(value) == "object"
end

local function strings(value)
  local list = {}
  for i, text in ipairs(json.type(value) == "array" and value or {}) do
    list[i] = type(text) == "string" and text or ""
  end
  return list
end

-- Members of an object; one that was empty holds a mark and nothing else.
local function members(value)
  local list = {}
  for name, one in pairs(is_object(value) and value or {}) do
    if name ~= "" then list[#list + 1] = { name, one } end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

-- Names that occur twice in any case, and in edits the ones that are not the user's to write.
local function check_names(list, seen, kept, report)
  for _, one in ipairs(list) do
    local name = one[1]:lower()
    if name ~= "" and seen[name] then
      report(one[2], "%s is named twice", one[1])
    elseif kept and kept[name] then
      report(one[2], "%s is written by the gateway, or belongs to one connection", one[1])
    end
    seen[name] = true
  end
end

local function edited_names(given)
  given = is_object(given) and given or {}
  local list = strings(given.remove)
  for _, kind in ipairs({ "set", "add" }) do
    for _, one in ipairs(members(given[kind])) do list[#list + 1] = one[1] end
  end
  return list
end

local function check_edits(route, field, report)
  local given = is_object(route[field]) and route[field] or {}
  local seen, list = {}, {}
  for _, kind in ipairs({ "set", "add" }) do
    for _, one in ipairs(members(given[kind])) do
      list[#list + 1] = { one[1], { field, kind, one[1] } }
    end
  end
  for i, name in ipairs(strings(given.remove)) do
    list[#list + 1] = { name, { field, "remove", i - 1 } }
  end
  check_names(list, seen, kept_names[field], report)
end

-- The request's edits come before the canary is decided: a name must not be one of them.
local function check_canary(route, report)
  local value = is_object(route.canary) and route.canary or {}
  if type(value.upstream) == "string" and value.upstream == route.upstream then
    report({ "canary", "upstream" }, "the canary is the route's own upstream")
  end
  local kind, name = tostring(value.by):match("^(%l+):(.+)$")
  local header = kind == "cookie" and "cookie" or kind == "header" and name:lower()
  for _, one in ipairs(header and edited_names(route.request_headers) or {}) do
    if one:lower() == header then
      report({ "canary", "by" }, "request_headers of the same route edit %s, which names users "
        .. "here", one)
    end
  end
end

local no_redirect = { "canary", "strip_prefix", "rewrite", "request_headers", "connect_timeout",
  "send_timeout", "read_timeout", "client_max_body_size", "obey_x_accel", "upgrades" }

-- Behind these stand requests of HTTP again, which no route would see.
local tunnels = names("h2c h2 h3 http tls")

local function check_upgrades(route, report)
  for i, text in ipairs(strings(route.upgrades)) do
    if tunnels[text:lower():match("^[^/]*")] then
      report({ "upgrades", i - 1 }, "%s would be a tunnel for requests past every route", text)
    end
  end
end

--- What a schema cannot say of one route; `report(path, format, …)` takes the names that lead from
-- the route to the fault.
function _M.check(route, report)
  if route.host ~= nil and route.hosts ~= nil then
    report({ "hosts" }, "a route has host or hosts, not both")
  end
  if route.upstream == nil and route.redirect == nil then
    report({ "upstream" }, "a route needs an upstream or a redirect")
  elseif route.upstream ~= nil and route.redirect ~= nil then
    report({ "redirect" }, "a route has an upstream or a redirect, not both")
  end
  for _, name in ipairs(route.redirect ~= nil and no_redirect or {}) do
    if route[name] ~= nil then
      report({ name }, "a redirect sends nothing to a server: %s has no meaning there", name)
    end
  end
  check_canary(route, report)
  if route.strip_prefix == true and route.rewrite ~= nil then
    report({ "strip_prefix" }, "a route has strip_prefix or rewrite, not both")
  end
  local target = is_object(route.redirect) and route.redirect.target
  for name, text in pairs({ rewrite = route.rewrite, redirect = target or nil }) do
    if type(text) == "string" and has_dots((text:gsub("%?.*", ""))) then
      report(name == "rewrite" and { name } or { name, "target" },
        "a path here must not hold . or .. as a segment")
    end
  end
  check_upgrades(route, report)
  for _, one in ipairs({ "hosts", "methods", "obey_x_accel", "upgrades" }) do
    local list = {}
    for i, text in ipairs(strings(route[one])) do list[i] = { text, { one, i - 1 } } end
    check_names(list, {}, nil, report)
  end
  local headers = {}
  for i, one in ipairs(members(route.headers)) do
    headers[i] = { one[1], { "headers", one[1] } }
  end
  check_names(headers, {}, nil, report)
  check_edits(route, "request_headers", report)
  check_edits(route, "response_headers", report)
end

--- Texts that are equal for two routes exactly if they answer the same requests; one for each host.
function _M.keys(route)
  local methods = strings(route.methods)
  table.sort(methods)
  local parts = { type(route.path) == "string" and route.path or "",
    route.match == "exact" and "exact" or "", table.concat(methods, ",") }
  for _, one in ipairs(members(route.headers)) do
    parts[#parts + 1] = one[1]:lower() .. "\0" .. tostring(one[2])
  end
  local rest = " " .. table.concat(parts, " ")
  local list = strings(route.hosts)
  if #list == 0 then
    list[1] = type(route.host) == "string" and route.host or ""
  end
  for i, name in ipairs(list) do
    list[i] = name:lower() .. rest
  end
  return list
end

local units = { k = 1024, m = 1024 ^ 2, g = 1024 ^ 3 }

local function bytes(text)
  local number, unit = text:match("^(%d+)(%a?)$")
  return tonumber(number) * (units[unit:lower()] or 1)
end

local function compile_edits(value)
  local set, add = members(value and value.set), members(value and value.add)
  local remove = strings(value and value.remove)
  if #set + #add + #remove > 0 then
    return { set = set, add = add, remove = remove }
  end
end

-- "*" asks for the header, "text*" for a value that begins so, anything else for that very value.
local function compile_headers(value)
  local list = members(value)
  for i, one in ipairs(list) do
    local name, text = "http_" .. one[1]:lower():gsub("-", "_"), one[2]
    local kind = text == "*" and "present" or text:sub(-1) == "*" and "prefix" or "equals"
    list[i] = { name, kind, kind == "prefix" and text:sub(1, -2) or text }
  end
  return #list > 0 and list or nil
end

-- The location of nginx.conf in which nginx obeys what the route lets servers order.
local function compile_x_accel(value)
  local list = strings(value)
  return list[1] and "@orctl_accel_" .. (list[2] and "all" or list[1]:gsub("-", "_")) or nil
end

local function compile_redirect(value)
  local base, query = value.target:match("^([^?]*)%??(.*)$")
  -- Without a path, what is appended to the host could become a part of it.
  base = base:find("^https?://[^/]*$") and base .. "/" or base
  local before, after = base:match("^(.-){host}(.*)$")
  return { status = value.status or 302, base = base, query = query, before = before,
    after = after, keep_path = value.keep_path ~= false, keep_query = value.keep_query ~= false }
end

local function compile_canary(value)
  return { upstream = value.upstream, share = value.percent / 100,
    variable = value.by and request_key.variable(value.by) or nil }
end

-- `id` is the same for all workers, and after every change that leaves which requests the route
-- answers.
local function compile_rate_limit(route, seconds)
  local value, keys = route.rate_limit, _M.keys(route)
  table.sort(keys)
  local interval = seconds(value.per or "1s") / value.requests
  return { id = sha256.hex(table.concat(keys, "\n")):sub(1, 16), interval = interval,
    capacity = interval * (value.burst or value.requests),
    variable = value.by ~= "route" and request_key.variable(value.by or "client") or nil }
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
  local exact = route.match == "exact" or nil
  local rewrite = route.strip_prefix and "/" or route.rewrite
  local function time(name)
    return route[name] and seconds(route[name])
  end
  return {
    host = route.host and route.host:lower(), hosts = hosts, path = route.path, exact = exact,
    methods = methods, headers = compile_headers(route.headers), upstream = route.upstream,
    canary = route.canary and compile_canary(route.canary),
    rate_limit = route.rate_limit and compile_rate_limit(route, seconds),
    -- What is replaced: all of an exact path; of a prefix without its last slash, so that "/a/" and
    -- "/b" give "/b/x" and not "/bx".
    cut = (rewrite or route.redirect)
      and (exact and #route.path or #route.path:gsub("/$", "")) or nil,
    rewrite = rewrite, redirect = route.redirect and compile_redirect(route.redirect),
    request_headers = compile_edits(route.request_headers),
    response_headers = compile_edits(route.response_headers),
    accel = compile_x_accel(route.obey_x_accel), upgrades = upgrades,
    connect_timeout = time("connect_timeout"), send_timeout = time("send_timeout"),
    read_timeout = time("read_timeout"),
    max_body = route.client_max_body_size and bytes(route.client_max_body_size),
  }
end

return _M
