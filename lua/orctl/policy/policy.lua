-- What a route does to a request beyond choosing its upstream: rate limit, redirect, rewrite,
-- headers, size of the body. nginx builds the request to the server before the balancer phase, so
-- this needs phases of its own, which nginx.conf has only if the manifest has such a route. The
-- first half is pure.
local ffi = require("ffi")
local get_request = require("resty.core.base").get_request
local request_edits = require("ngx.req")
local response_edits = require("ngx.resp")
local rate_limit = require("orctl.policy.rate_limit")
local route_of = require("orctl.metrics.record").route
local step = require("orctl.lib.pace").step

local _M = {}

local refused = rate_limit.refused
local byte, format, sub = string.byte, string.format, string.sub
local var = ngx.var

local uintptr = ffi.typeof("uintptr_t")

local SLASH = 47

local usual_body = 0 -- limit of a body on a route without one, in bytes; 0 if nginx's own is it

--- In the master: `phases` as for refusal().
function _M.init(phases)
  usual_body = phases.cap ~= phases.limit and phases.limit or 0
  rate_limit.init()
end

local function percent(char)
  return format("%%%02X", byte(char))
end

--- A decoded path as it is sent: what RFC 3986 does not allow in a path is encoded.
function _M.encode(path)
  if not path:find("[^%w._~!$&'()*+,;=:@/-]") then
    return path
  end
  return (path:gsub("[^%w._~!$&'()*+,;=:@/-]", percent))
end

-- `base` with the rest of a path behind it. Nil if that makes a segment `.` or `..`: a prefix that
-- ends within a segment ("/api" of "/api../x") leaves one that nginx never saw.
local function join(base, rest)
  -- with merge_slashes off a path may have several, and "//host" would be another host's
  while byte(rest) == SLASH and byte(rest, 2) == SLASH do
    rest = sub(rest, 2)
  end
  if byte(rest) == SLASH then
    return (byte(base, -1) == SLASH and sub(base, 1, -2) or base) .. rest
  end
  local path = base .. rest
  if rest ~= "" and (path .. "/"):find("/%.%.?/") then
    return nil
  end
  return path
end

--- Path and query that the server is asked for; nil if the path would climb out of the route's.
-- `path` is nginx's $uri: decoded, without dot segments and doubled slashes.
function _M.target(route, path, args)
  local joined = join(route.rewrite, _M.encode(sub(path, route.cut + 1)))
  return joined and args and args ~= "" and joined .. "?" .. args or joined
end

--- Value of Location; nil as target() does. `host` is nginx's $host.
function _M.location(route, host, path, args)
  local to = route.redirect
  local base = to.before and to.before .. host .. to.after or to.base
  local joined = to.keep_path and join(base, _M.encode(sub(path, route.cut + 1)))
    or not to.keep_path and base or nil
  local query = to.query
  if to.keep_query and args and args ~= "" then
    query = query == "" and args or query .. "&" .. args
  end
  return joined and query ~= "" and joined .. "?" .. query or joined
end

local function is_policy(route)
  return route.redirect or route.rewrite or route.request_headers or route.response_headers
    or route.max_body or route.rate_limit or route.accel
end

--- Routes for the router, made of a document's compiled ones, which stay as they are.
function _M.build(routes)
  local built = {}
  rate_limit.find_places(routes)
  for i, route in ipairs(routes) do
    local copy = {}
    step()
    for name, value in pairs(route) do copy[name] = value end
    local connect, send, read = route.connect_timeout, route.send_timeout, route.read_timeout
    copy.timeouts = (connect or send or read) and { connect, send, read } or nil
    built[i] = copy
  end
  return built
end

--- Pointer and reason if an instance cannot serve these compiled routes without a reload. `phases`
-- is what its settings say of policies: {limit, cap}, sizes of bodies in bytes, 0 for no limit; nil
-- if nginx.conf has no phases for them.
function _M.refusal(routes, phases)
  local cap = phases and phases.cap or 0
  for i, route in ipairs(routes) do
    if not phases and is_policy(route) then
      return "/routes/" .. i - 1, "this route has a policy (a limit, a redirect, an edit, orders "
        .. "to obey), and the instance runs without the phases for that; `orctl apply` of a "
        .. "manifest with it reloads once, and then such changes are hot"
    elseif cap > 0 and route.max_body and (route.max_body == 0 or route.max_body > cap) then
      return ("/routes/%d/client_max_body_size"):format(i - 1), ("nginx itself takes at most %d "
        .. "bytes here; `orctl apply` of a manifest with it reloads once"):format(cap)
    end
  end
end

local function edit_request(edits)
  local clear, set, add = ngx.req.clear_header, ngx.req.set_header, request_edits.add_header
  for i = 1, #edits.remove do
    clear(edits.remove[i])
  end
  for i = 1, #edits.set do
    set(edits.set[i][1], edits.set[i][2])
  end
  for i = 1, #edits.add do
    add(edits.add[i][1], edits.add[i][2])
  end
end

-- Limit of the body of a request in bytes, 0 for none but nginx's own.
local function limit_of(route)
  return route and route.max_body or usual_body
end

-- Whether the body is larger than its route, nil for none, allows. Of a body whose length the
-- client does not say this is known once nginx has read it, as it has in the balancer phase.
local function is_too_large(route)
  local limit = limit_of(route)
  return limit > 0 and (tonumber(var.content_length) or 0) > limit
end

--- In the balancer phase: the same, of a body whose length the client did not say.
function _M.was_too_large(route)
  return limit_of(route) > 0 and not var.http_content_length and is_too_large(route)
end

local function refuse(status)
  var.orctl_error = status -- the error page is a location of its own, which knows no more
  return ngx.exit(status)
end

local function redirect(route)
  local host = var.host
  if route.redirect.before and host == "_" and not var.http_host then
    return refuse(490) -- HTTP/1.0 without a Host: there is no such place
  end
  local location = _M.location(route, host, var.uri, var.args)
  if not location then
    return refuse(404)
  end
  ngx.header["Location"] = location
  return ngx.exit(route.redirect.status)
end

--- Rewrite phase: carries out what `route` (nil: none matched) says.
function _M.rewrite(route)
  local limit = route and route.rate_limit
  local wait = limit and refused(limit)
  if wait then
    ngx.header["Retry-After"] = wait
    return refuse(429)
  elseif is_too_large(route) then
    return refuse(413)
  elseif not route then
    return
  elseif route.redirect then
    return redirect(route)
  end
  if route.rewrite then
    local target = _M.target(route, var.uri, var.args)
    if not target then
      return refuse(404)
    end
    var.orctl_uri = target
  end
  if route.request_headers then
    edit_request(route.request_headers)
  end
  if route.accel then
    return ngx.exec(route.accel) -- nginx reads what it obeys from the location
  end
end

--- Header filter phase: edits the answer.
function _M.header_filter()
  local route = route_of(tonumber(ffi.cast(uintptr, get_request())))
  local edits = route and route.response_headers
  if not edits then
    return
  end
  local header, add = ngx.header, response_edits.add_header
  for i = 1, #edits.remove do
    header[edits.remove[i]] = nil
  end
  for i = 1, #edits.set do
    header[edits.set[i][1]] = edits.set[i][2]
  end
  for i = 1, #edits.add do
    add(edits.add[i][1], edits.add[i][2])
  end
end

return _M
