-- The admin endpoint. Trusts nothing but the permissions of its socket: a browser, which a web
-- page could send here, is known by its Host, Origin and Sec-Fetch-Site.
local counters = require("orctl.counters")
local document = require("orctl.document")
local json = require("orctl.json")
local problem = require("orctl.problem")
local state = require("orctl.state")
local store = require("orctl.store")

local _M = {}

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
  local status = state.status()
  status.versions = { nginx = version_text(ngx.config.nginx_version),
    ngx_lua = version_text(ngx.config.ngx_lua_version), lua = jit.version }
  send(status)
end

local function get_config()
  local bytes, generation, digest = state.document()
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
    bytes = file:read("*a")
    file:close()
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
}

local function put_config()
  local kind = (var.http_content_type or ""):match("^%s*([^;%s]*)"):lower()
  if kind ~= "application/json" then
    return problem.send(415, "Content-Type must be application/json")
  end
  if var.http_x_save then
    return problem.send(501, "x-save is not offered")
  end
  local bytes, err = read_body()
  if not bytes then
    return problem.send(500, "the body cannot be read: " .. err)
  end
  local compiled, reason, faults = document.read(bytes)
  if not compiled then
    local first = faults and faults[1]
    return problem.send(faults and 422 or 400, reason,
      { pointer = first and first.pointer, errors = faults and json.array(faults) })
  end
  if compiled.empty and var.http_x_allow_empty ~= "1" then
    return problem.send(422, ("upstream \"%s\" has no servers; x-allow-empty: 1 permits it")
      :format(compiled.empty), { pointer = "/upstreams" })
  end
  local accept = accepts(var.http_if_match)
  -- nginx would compare them with the ETag of the answer, and turn a PUT that was done into a 412.
  for _, name in ipairs(conditions) do
    ngx.req.clear_header(name)
  end
  local result
  result, reason = state.publish(bytes, compiled, accept, var.http_x_tree == "1")
  if not result then
    return problem.send(unpack(refusals[reason]))
  end
  ngx.header["ETag"] = etag(result.generation, result.digest)
  send(result)
end

local function upstream_item(upstream)
  local servers = json.array()
  for i, peer in ipairs(upstream.list) do
    servers[i] = { address = peer.address, weight = peer.weight, backup = peer.backup,
      state = upstream.down and upstream.down[peer.key] and "down" or "up",
      in_flight = counters.sum(peer.block, counters.IN_FLIGHT),
      requests = counters.sum(peer.block, counters.REQUESTS),
      failures = counters.sum(peer.block, counters.FAILURES) }
    local found = upstream.health and store.health(upstream.name, peer.key)
    servers[i].last_check = found and { ok = found.ok, error = found.error } or nil
  end
  return { name = upstream.name, balance = upstream.balance, servers = servers }
end

local function get_upstreams(name)
  local upstreams, items = state.current().upstreams, json.array()
  local names = {}
  for one in pairs(upstreams) do
    if not name or one == name then names[#names + 1] = one end
  end
  if name and not names[1] then
    return problem.send(404, "there is no such upstream")
  end
  table.sort(names)
  for i, one in ipairs(names) do
    items[i] = upstream_item(upstreams[one])
  end
  send({ items = items })
end

local paths = {
  ["/v1/status"] = { GET = get_status },
  ["/v1/config"] = { GET = get_config, PUT = put_config },
  ["/v1/upstreams"] = { GET = get_upstreams },
}
local upstream_path = { GET = get_upstreams }

--- Answers a request to the admin endpoint.
function _M.run()
  if (var.http_host or ""):lower() ~= "localhost" or var.host ~= "localhost" then
    return problem.send(421, "Host must be localhost")
  end
  if var.http_origin or var.http_sec_fetch_site then
    return problem.send(403, "requests of web pages are refused")
  end
  local name = var.uri:match("^/v1/upstreams/([^/]+)$")
  local methods = name and upstream_path or paths[var.uri]
  if not methods then
    return problem.send(404, "there is nothing at this path")
  end
  local method = ngx.req.get_method()
  local answer = methods[method == "HEAD" and "GET" or method]
  if not answer then
    ngx.header["Allow"] = methods.PUT and "GET, HEAD, PUT" or "GET, HEAD"
    return problem.send(405, "this path does not take " .. method:sub(1, 20))
  end
  return answer(name)
end

return _M
