-- The admin endpoint. Trusts the permissions of its socket, or a token on TCP, and nothing else: a
-- browser, which a web page could send here, is known by its Host, Origin and Sec-Fetch-Site.
local certs = require("orctl.tls.certs")
local changes = require("orctl.state.changes")
local compat = require("orctl.document.compat")
local cycle = require("orctl.state.cycle")
local document = require("orctl.document.gateway")
local farewell = require("orctl.state.farewell")
local health = require("orctl.health.report")
local json = require("orctl.lib.json")
local metrics = require("orctl.metrics.page")
local overrides = require("orctl.admin.overrides")
local pace = require("orctl.lib.pace")
local problem = require("orctl.lib.problem")
local source = require("orctl.source.poll")
local summary = require("orctl.metrics.summary")
local splice = require("orctl.document.splice")
local view = require("orctl.state.view")
local workers = require("orctl.state.workers")

local _M = {}

local PART, READ = 1048576, 300 -- bytes of a body that are read at once, and what that counts as

local var = ngx.var

local function etag(generation, digest)
  return ("\"%d-%s\""):format(generation, digest)
end

local function send(value)
  local text = json.encode(value) .. "\n"
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Content-Length"] = #text
  ngx.print(text)
end

local function version_text(number)
  return ("%d.%d.%d"):format(number / 1000000, number / 1000 % 1000, number % 1000)
end

local function get_status()
  local status = cycle.status()
  status.source = source.status()
  status.versions = { nginx = version_text(ngx.config.nginx_version),
    ngx_lua = version_text(ngx.config.ngx_lua_version), lua = jit.version }
  send(status)
end

local function get_config()
  local bytes, generation, digest = cycle.document()
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Content-Length"] = #bytes
  ngx.header["ETag"] = etag(generation, digest)
  ngx.print(bytes)
end

-- The body, from memory or from the file nginx put it into.
local function read_body()
  ngx.req.read_body()
  local bytes = ngx.req.get_body_data()
  local path = not bytes and ngx.req.get_body_file()
  if path then
    local file, err = io.open(path, "rb")
    if not file then
      return nil, err
    end
    local parts = {}
    repeat
      parts[#parts + 1] = file:read(PART)
      pace.step(READ)
    until #(parts[#parts] or "") < PART
    file:close()
    bytes = table.concat(parts)
  end
  return bytes or ""
end

-- Whether an If-Match header names the current document; weak tags never do (RFC 9110, 13.1.1).
local function accepts(header)
  return header and function(generation, digest)
    local wanted = etag(generation, digest or "")
    for tag in header:gmatch("[^%s,]+") do
      if tag == wanted or tag == "*" then
        return true
      end
    end
    return false
  end
end

local conditions = { "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since" }

local refusals = {
  conflict = { 412, "the document is not the one If-Match names; read it again" },
  busy = { 503, "other updates are in progress; try again" },
  full = { 507, "the document does not fit into lua_shared_dict orctl; nothing was changed" },
  missing = { 404, "there is no such upstream; PUT /v1/config adds one" },
}

-- The body of a request that changes something; nil if a problem was sent.
local function take_body()
  local kind = (var.http_content_type or ""):match("^%s*([^;%s]*)"):lower()
  if kind ~= "application/json" then
    return problem.send(415, "Content-Type must be application/json")
  end
  local bytes, err = read_body()
  if not bytes then
    return problem.send(500, "the body cannot be read: " .. err)
  end
  return bytes
end

-- Answers a change that was taken: {generation, digest, changed}.
local function send_result(result)
  -- nginx would compare them with the ETag of the answer, and turn a PUT that was done into a 412.
  for _, name in ipairs(conditions) do
    ngx.req.clear_header(name)
  end
  ngx.header["ETag"] = etag(result.generation, result.digest)
  send(result)
end

-- With a source, documents are changed there; the tree's own is but the start value, and is served
-- only as long as the source has not been read. True if that has been answered.
local function left_to_source()
  local name, current = source.name(), view.current()
  if name and var.http_x_tree ~= "1" then
    problem.send(409, ("the document comes from %s: change it there"):format(name),
      { code = "source" })
    return true
  elseif name and source.rules(current.digest) then
    send_result({ generation = current.generation, digest = current.digest, changed = false })
    return true
  end
end

-- Publishes a checked change as the headers of the request say, and answers.
local function publish(change)
  if left_to_source() then
    return
  end
  local empty = change.compiled.empty
  if empty and var.http_x_allow_empty ~= "1" then
    return problem.send(422, ("upstream \"%s\" has no servers; x-allow-empty: 1 permits it")
      :format(empty), { pointer = "/upstreams" })
  end
  local accept = accepts(var.http_if_match)
  local result, reason, err, pointer = changes.publish(change, accept, var.http_x_tree == "1",
    var.http_x_save == "1")
  if reason == "unsaved" then
    return problem.send(507, "the document cannot be saved, and nothing was changed: " .. err)
  elseif reason == "phases" then
    return problem.send(422, pointer .. ": " .. err,
      { pointer = pointer, errors = json.array({ { pointer = pointer, detail = err } }) })
  elseif not result then
    return problem.send(unpack(refusals[reason]))
  end
  send_result(result)
end

local function refuse_document(reason, faults)
  local first = faults and faults[1]
  return problem.send(faults and 422 or 400, reason,
    { pointer = first and first.pointer, errors = faults and json.array(faults) })
end

local function put_config()
  local bytes = take_body()
  local compiled, reason, faults = document.read(bytes)
  if not compiled then
    return refuse_document(reason, faults)
  end
  publish({ bytes = bytes, compiled = compiled })
end

local function get_hosts()
  local bytes, generation, digest = cycle.document()
  local value, faults = compat.to(json.decode(bytes))
  if not value then
    return problem.send(409,
      "the document holds what a Host-header document cannot say; see /v1/config",
      { pointer = faults[1].pointer, errors = json.array(faults) })
  end
  ngx.header["ETag"] = etag(generation, digest)
  send(value)
end

local function post_hosts()
  local value, reason = document.decode(take_body())
  if reason then
    return refuse_document(reason)
  end
  local compiled, result, faults = compat.take(value)
  if not compiled then
    return refuse_document(result, faults)
  end
  publish({ bytes = result, compiled = compiled })
end

local function put_upstream(name)
  local bytes = take_body()
  local compiled, value, faults = document.read_upstream(bytes)
  if not compiled then
    return refuse_document(value, faults)
  end
  if compiled.upstreams[1].name ~= name then
    return problem.send(422, "the upstream has another name than the path",
      { pointer = "/name" })
  end
  local text = splice.fits(bytes, name) and bytes or splice.upstream_text(value)
  publish({ text = text, compiled = compiled })
end

local function get_upstreams(name)
  -- Of one generation, whatever is published while they are described.
  local upstreams, items = {}, json.array()
  for one, upstream in pairs(view.current().upstreams) do
    if not name or one == name then upstreams[#upstreams + 1] = upstream end
  end
  if name and not upstreams[1] then
    return problem.send(404, "there is no such upstream")
  end
  table.sort(upstreams, function(a, b) return a.name < b.name end)
  for i, upstream in ipairs(upstreams) do
    items[i] = overrides.upstream(upstream)
  end
  send({ items = items })
end

local function get_certs()
  send({ items = certs.items(ngx.time()) })
end

local function put_certs(name)
  local ok, fault = certs.put(name, take_body(), var.http_x_tree == "1", ngx.time())
  if not ok then
    return problem.send(fault.status, fault.detail, fault.pointer and {
      pointer = fault.pointer,
      errors = json.array({ { pointer = fault.pointer, detail = fault.detail } }) })
  end
  get_certs()
end

local function get_health()
  send(health.all(view.current().upstreams))
end

-- While a binary is upgraded the workers of two masters answer here, and those of one are to go:
-- {"workers": PIDS} says which; "hold": true that they go next.
local function put_farewell()
  local order, own = json.decode(take_body()), ngx.worker.pid()
  for _, pid in ipairs(type(order) == "table" and type(order.workers) == "table" and order.workers
    or {}) do
    if pid == own then
      return send(farewell.order(workers.cycle().count, order.hold == true))
    end
  end
  return problem.send(409, "the worker that answers is none of these, or /workers is no list")
end

-- What answers a path: `*` stands for one part of it, which the function is given.
local paths = {
  ["/config"] = { GET = get_hosts, POST = post_hosts },
  ["/v1/status"] = { GET = get_status },
  ["/v1/summary"] = { GET = function() send(summary.get()) end },
  ["/v1/config"] = { GET = get_config, PUT = put_config },
  ["/v1/upstreams"] = { GET = get_upstreams },
  ["/metrics"] = { GET = metrics.run },
  ["/v1/upstreams/*"] = { GET = get_upstreams, PUT = put_upstream },
  ["/v1/health"] = { GET = get_health },
  ["/v1/overrides"] = { GET = function() send(overrides.list()) end },
  ["/v1/overrides/*/*"] = {
    PUT = function(name, server) send(overrides.put(name, server, take_body())) end,
    DELETE = function(name, server) send(overrides.delete(name, server)) end,
  },
  ["/v1/farewell"] = { PUT = function() put_farewell() end },
  ["/v1/certs"] = { GET = get_certs, PUT = function() put_certs() end },
  ["/v1/certs/*"] = { PUT = put_certs },
}

local function find(path)
  if paths[path] then
    return paths[path]
  end
  local collection, first, second = path:match("^(/v1/%l+)/([^/]+)/?([^/]*)$")
  if not collection then
    return nil
  end
  local two = second ~= ""
  return paths[collection .. (two and "/*/*" or "/*")], first, two and second or nil
end

local function allowed(methods)
  local list = {}
  for name in pairs(methods) do
    list[#list + 1] = name
  end
  if methods.GET then list[#list + 1] = "HEAD" end
  table.sort(list)
  return table.concat(list, ", ")
end

--- Answers a request to the admin endpoint; `is_own(host)` says whether it was meant for us.
function _M.run(is_own)
  if not is_own(var.host) or not is_own((var.http_host or ""):lower()) then
    return problem.send(421, "Host must be localhost, or on TCP the address")
  end
  if var.http_origin or var.http_sec_fetch_site then
    return problem.send(403, "requests of web pages are refused")
  end
  local methods, first, second = find(var.uri)
  if not methods then
    return problem.send(404, "there is nothing at this path")
  end
  local method = ngx.req.get_method()
  local answer = methods[method == "HEAD" and "GET" or method]
  if not answer then
    ngx.header["Allow"] = allowed(methods)
    return problem.send(405, "this path does not take " .. method:sub(1, 20))
  end
  return pace.slowly(answer, first, second)
end

return _M
