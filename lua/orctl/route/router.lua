-- Host, path, method and headers of a request to a route. Pure, but for the pauses.
--
-- A match costs one table lookup for each distinct length of the prefixes in question, never one
-- for each route: 10,000 routes answer as quickly as ten. Method and headers are read only when a
-- route of that very host and path asks for them.
local fields = require("orctl.route.fields")
local step = require("orctl.lib.pace").step

local _M = {}

local byte, sub = string.byte, string.sub

local DOT = 46

-- More specific first: a route with methods, then the one with more headers, then the one that
-- stands first in the document.
local function before(a, b)
  local by_method, other = a.methods ~= nil, b.methods ~= nil
  if by_method ~= other then
    return by_method
  end
  local count, others = #(a.headers or ""), #(b.headers or "")
  if count ~= others then
    return count > others
  end
  return a.position < b.position
end

-- What stands for one host and path: the only route if it asks for nothing more, else `choices`.
local function finish_slots(slots)
  for path, routes in pairs(slots) do
    local only = not routes[2] and routes[1]
    if only and not only.methods and not only.headers then
      slots[path] = only
    else
      table.sort(routes, before)
      slots[path] = { choices = routes }
    end
  end
end

local function longest_first(a, b)
  return a > b
end

local function new_paths()
  return { exact = {}, by_prefix = {} }
end

local function add_route(paths, route)
  local slots = route.exact and paths.exact or paths.by_prefix
  local routes = slots[route.path] or {}
  routes[#routes + 1] = route
  slots[route.path] = routes
end

-- `root` answers for "/", `lengths` are the other lengths of prefixes, longest first.
local function finish(paths)
  local lengths, seen = {}, {}
  step()
  for path in pairs(paths.by_prefix) do
    if path ~= "/" and not seen[#path] then
      seen[#path] = true
      lengths[#lengths + 1] = #path
    end
  end
  table.sort(lengths, longest_first)
  finish_slots(paths.exact)
  finish_slots(paths.by_prefix)
  paths.lengths = lengths
  paths.root, paths.by_prefix["/"] = paths.by_prefix["/"], nil
  if not next(paths.exact) then
    paths.exact = nil
  end
  -- The one route of a host, which answers to every path.
  local only = not paths.exact and not lengths[1] and paths.root
  paths.only = only and not only.choices and only or nil
end

--- Tables for match(), from routes {host = … or hosts = {…}, path = …, exact = …, methods = {GET =
-- true, …}, headers = {{name, kind, value}, …}} with hosts in lower case; whatever else a route
-- holds is left as it is. Header kinds are "equals", "prefix" and "present". Writes each route's
-- `position`. `only` is the route of a router that has but one, for every host and path.
function _M.compile(routes)
  local exact, wildcard, default = {}, {}, new_paths()
  local lengths, seen = {}, {}
  local function paths_of(host)
    local suffix = host:match("^%*(%..+)$")
    local class = suffix and wildcard or exact
    local key = suffix or host
    if suffix and not seen[#suffix] then
      seen[#suffix] = true
      lengths[#lengths + 1] = #suffix
    end
    class[key] = class[key] or new_paths()
    return class[key]
  end
  for i, route in ipairs(routes) do
    route.position = i
    step()
    if route.host then
      add_route(paths_of(route.host), route)
    end
    for _, host in ipairs(route.hosts or {}) do
      step()
      add_route(paths_of(host), route)
    end
    if not route.host and not route.hosts then
      add_route(default, route)
    end
  end
  table.sort(lengths, longest_first)
  for _, class in ipairs({ exact, wildcard, { default } }) do
    for _, paths in pairs(class) do
      finish(paths)
    end
  end
  local any_host = not next(exact) and not next(wildcard)
  return { exact = exact, wildcard = wildcard, wildcard_lengths = lengths, default = default,
    only = any_host and default.only or nil }
end

local function has_headers(wanted, request)
  for i = 1, #wanted do
    local one = wanted[i]
    local kind, value = one[2], request.header(one[1])
    if not value or (kind == "equals" and value ~= one[3])
      or (kind == "prefix" and sub(value, 1, #one[3]) ~= one[3]) then
      return false
    end
  end
  return true
end

local function choose(choices, request)
  for i = 1, #choices do
    local route = choices[i]
    local methods, headers = route.methods, route.headers
    if (not methods or methods[request.method()])
      and (not headers or has_headers(headers, request)) then
      return route
    end
  end
end

local function match_path(paths, path, request)
  local exact = paths.exact
  local route = exact and exact[path]
  if route then
    local choices = route.choices
    route = not choices and route or choose(choices, request)
    if route then
      return route
    end
  end
  local lengths = paths.lengths
  for i = 1, #lengths do
    local length = lengths[i]
    if length <= #path then
      route = paths.by_prefix[sub(path, 1, length)]
      if route then
        local choices = route.choices
        route = not choices and route or choose(choices, request)
        if route then
          return route
        end
      end
    end
  end
  route = paths.root
  local choices = route and route.choices
  return not choices and route or choices and choose(choices, request)
end

--- The route that a host, whatever the path, leads to; nil if match() must look at the path.
function _M.match_host(router, host)
  local paths = router.exact[host]
  return paths and paths.only
end

--- The route for a host (lower case, no port) and a path; nil if none matches. `request` has the
-- functions method() and header(name), which are called only if a route asks.
-- The most specific host that has a matching route wins: the exact one, then the wildcards from the
-- longest to the shortest, then the routes without a host. Of one host, the exact path goes before
-- the longest prefix, and of one path, the order is that of before().
function _M.match(router, host, path, request)
  local paths = router.exact[host]
  local route = paths and match_path(paths, path, request)
  if route then
    return route
  end
  local lengths = router.wildcard_lengths
  for i = 1, #lengths do
    local length = lengths[i]
    if length < #host and byte(host, -length) == DOT then
      paths = router.wildcard[sub(host, -length)]
      route = paths and match_path(paths, path, request)
      if route then
        return route
      end
    end
  end
  return match_path(router.default, path, request)
end

--- Texts that are equal for two routes exactly if they answer the same requests; one for each host.
function _M.keys(route)
  local methods = fields.strings(route.methods)
  table.sort(methods)
  local parts = { type(route.path) == "string" and route.path or "",
    route.match == "exact" and "exact" or "", table.concat(methods, ",") }
  for _, one in ipairs(fields.members(route.headers)) do
    parts[#parts + 1] = one[1]:lower() .. "\0" .. tostring(one[2])
  end
  local rest = " " .. table.concat(parts, " ")
  local list = fields.strings(route.hosts)
  if #list == 0 then
    list[1] = type(route.host) == "string" and route.host or ""
  end
  for i, name in ipairs(list) do
    list[i] = name:lower() .. rest
  end
  return list
end

return _M
