-- Answers with a redirect instead of asking a server.
local fields = require("orctl.route.fields")
local paths = require("orctl.route.path")
local refuse = require("orctl.lib.refuse")

local _M = {}

local var = ngx.var

local URL_PATH = "^/[%w._~!$&'()*+,;=:@%%/-]*$"
local QUERY = "^%??[%w._~!$&'()*+,;=:@%%/?-]*$"
local BAD = 490 -- nginx.conf makes it a 400

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
  return (name == "{host}" or not name:find("*", 1, true) and fields.is_host(name))
    and (not port or tonumber(port) < 65536) and (path == "" or path:find(URL_PATH))
end

_M.rule = { type = "object", fields = {
  status = { type = "integer", min = 301, max = 308,
    check = function(status) return status ~= 303 and (status < 304 or status > 306) end,
    hint = "301, 302, 307 or 308" },
  target = { type = "string", required = true, max_length = 1024, check = is_target,
    hint = "a path, or http:// or https:// with a host, a port and a path; no #" },
  keep_path = { type = "boolean" },
  keep_query = { type = "boolean" },
} }

local meaningless = { "canary", "strip_prefix", "rewrite", "request_headers", "connect_timeout",
  "send_timeout", "read_timeout", "client_max_body_size", "obey_x_accel", "upgrades" }

function _M.check(route, report)
  for _, name in ipairs(route.redirect ~= nil and meaningless or {}) do
    if route[name] ~= nil then
      report({ name }, "a redirect sends nothing to a server: %s has no meaning there", name)
    end
  end
  local target = fields.is_object(route.redirect) and route.redirect.target
  if type(target) == "string" and fields.has_dots((target:gsub("%?.*", ""))) then
    report({ "redirect", "target" }, "a path here must not hold . or .. as a segment")
  end
end

function _M.compile(value, route, compiled)
  local base, query = value.target:match("^([^?]*)%??(.*)$")
  -- Without a path, what is appended to the host could become a part of it.
  base = base:find("^https?://[^/]*$") and base .. "/" or base
  local before, after = base:match("^(.-){host}(.*)$")
  compiled.cut = paths.cut(route)
  return { status = value.status or 302, base = base, query = query, before = before,
    after = after, keep_path = value.keep_path ~= false, keep_query = value.keep_query ~= false }
end

--- Value of Location; nil if the path would climb out of the route's. `host` is nginx's $host.
function _M.location(route, host, path, raw, args)
  local to = route.redirect
  local base = to.before and to.before .. host .. to.after or to.base
  local joined = base
  if to.keep_path then
    joined = paths.moved(base, path, paths.clean(raw), route.cut)
    -- without a host in front, "//evil.example" would be one
    joined = joined and joined:gsub("^//+", "/")
  end
  local query = to.query
  if to.keep_query and args and args ~= "" then
    query = query == "" and args or query .. "&" .. args
  end
  return joined and query ~= "" and joined .. "?" .. query or joined
end

function _M.rewrite(to, route)
  local host = var.host
  if to.before and host == "_" and not var.http_host then
    return refuse(BAD) -- HTTP/1.0 without a Host: there is no such place
  end
  local location = _M.location(route, host, var.uri, var.request_uri, var.args)
  if not location then
    return refuse(404)
  end
  ngx.header["Location"] = location
  ngx.exit(to.status)
  return true
end

return _M
