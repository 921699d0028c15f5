-- Fields that belong to one connection and to nobody behind it (RFC 9110, 7.6.1): those that
-- Connection names, and an Upgrade that is not taken further. nginx.conf sends here only requests
-- that have some of which nginx does not know, and all answers.
local ffi = require("ffi")
local get_request = require("resty.core.base").get_request
local ngx_balancer = require("ngx.balancer")
require("resty.core.request") -- declares the functions of C below

local _M = {}

local C, ffi_string = ffi.C, ffi.string
local var = ngx.var

local MOST = 64 -- names in Connection; whoever sends more wants to keep the gateway busy

local function set(text)
  local names = {}
  for name in text:gmatch("%S+") do names[name] = true end
  return names
end

-- What Connection may name without an effect here: options that are no fields, fields that frame
-- the message, and those that the gateway writes itself, which nobody takes from who gets them.
local kept_in_request = set("close keep-alive upgrade te trailer transfer-encoding content-length "
  .. "host expect forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip")
local kept_in_answer = set("close keep-alive upgrade te trailer transfer-encoding content-length "
  .. "date server")

local function lines(value)
  return type(value) == "table" and value or { value }
end

-- Names of the fields to remove but those in `kept`, of a value of Connection or a list of them;
-- nil if they are too many. Pure.
local function named(value, kept)
  local names, seen, count = {}, {}, 0
  for _, text in ipairs(lines(value)) do
    for name in text:lower():gmatch("[^%s,]+") do
      count = count + 1
      if count > MOST then
        return nil
      elseif not kept[name] and not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  return names
end

--- The protocol that a request is taken to, of those that its client offers: a WebSocket, or one of
-- the set `protocols` (in lower case; nil: none). Nil if its Connection, or a list of them, does
-- not say so. Pure.
function _M.protocol(offered, connection, protocols)
  local asked = false
  for _, text in ipairs(lines(connection)) do
    asked = asked or (" " .. text:lower() .. " "):find("[%s,]upgrade[%s,]")
  end
  local found
  for _, text in ipairs(asked and lines(offered) or {}) do
    for token in text:gmatch("[^%s,]+") do
      local name = token:lower()
      if name == "websocket" then
        return name -- as nginx.conf does, if it sees that the client asks
      elseif not found and protocols and protocols[name] then
        found = token
      end
    end
  end
  return found
end

--- Rewrite phase, or before the server is chosen: takes from the current request what belongs to
-- its connection; false if that is too much. `find_route` is asked for the route if the client
-- wants another protocol than nginx.conf knows of.
function _M.remove(find_route)
  local header = ngx.req.get_headers(0)
  local connection, offered = header["connection"], header["upgrade"]
  local names = named(connection, kept_in_request)
  if not names then
    return false
  end
  for i = 1, #names do
    ngx.req.clear_header(names[i])
  end
  ngx.req.clear_header("Connection")
  if not offered or var.orctl_upgrade ~= "" then
    return true
  end
  local route = ngx.req.http_version() == 1.1 and find_route()
  local protocol = route and _M.protocol(offered, connection, route.upgrades)
  if protocol then
    var.orctl_upgrade = protocol
  else
    ngx.req.clear_header("Upgrade") -- else nginx would make a tunnel of any 101
  end
  return true
end

local FIELDS = 128
local fields = ffi.new("ngx_http_lua_ffi_table_elt_t[?]", FIELDS)
local truncated = ffi.new("int[1]")

--- Whether the current request has more than one line of Connection, of which an nginx before 1.23
-- shows its maps the first alone. Runs for every request: nothing is made.
function _M.has_several()
  local request = get_request()
  local count = C.ngx_http_lua_ffi_req_get_headers_count(request, 0, truncated)
  if count < 3 then
    return false -- one of them is Host
  elseif count > FIELDS then
    return true
  end
  C.ngx_http_lua_ffi_req_get_headers(request, fields, count, 0)
  local seen = false
  for i = 0, count - 1 do
    local key = fields[i].key
    if key.len == 10 and key.data[0] == 0x63 and ffi_string(key.data, 10) == "connection" then
      if seen then
        return true
      end
      seen = true
    end
  end
  return false
end

--- Balancer phase: remove(), of a request that nginx has written for the server already.
function _M.remove_late(find_route)
  if not _M.remove(find_route) then
    return false
  end
  local ok, err = ngx_balancer.recreate_request()
  if not ok then
    ngx.log(ngx.ERR, "cannot write the request anew: ", err)
  end
  return ok
end

local BAD_GATEWAY = 502
local SWITCHING_PROTOCOLS, UPGRADE_REQUIRED = 101, 426
local usual = set("close Close keep-alive Keep-Alive")

local function bad_gateway()
  ngx.exit(BAD_GATEWAY)
  return false
end

-- nginx.conf hides the server's Upgrade. A client hears of the protocol that it is taken to, and
-- of those that it may ask for, if its HTTP has upgrades.
local function tell_of_upgrade(status)
  if status == SWITCHING_PROTOCOLS then
    ngx.header["Upgrade"] = var.orctl_upgrade
  elseif status == UPGRADE_REQUIRED and var.server_protocol == "HTTP/1.1" then
    ngx.header["Upgrade"] = var.upstream_http_upgrade
  end
end

local function remove_named(status, connection)
  if status < 200 and not (status == SWITCHING_PROTOCOLS and var.orctl_upgrade ~= "") then
    return bad_gateway()
  end
  local names = named(connection, kept_in_answer)
  if not names then
    return bad_gateway()
  end
  for i = 1, #names do
    ngx.header[names[i]] = nil
  end
  tell_of_upgrade(status)
  return true
end

-- A field as HTTP/2 has it (RFC 9113, 8.2.1), where nginx takes more from a server; nil if it has
-- no such form. Pure.
local function mended(name, value)
  if name:find("[^%w!#$%%&'*+.^_`|~-]") or value:find("[%z\1-\8\10-\31\127]") then
    return nil
  end
  return value:match("^[ \t]*(.-)[ \t]*$")
end

-- The same of all lines of a field, and whether one has another form.
local function mended_lines(name, values)
  local new, differ = {}, false
  for i, value in ipairs(values) do
    new[i] = mended(name, value)
    if not new[i] then
      return nil
    end
    differ = differ or new[i] ~= value
  end
  return new, differ
end

-- Which fields of `answer`, a value or a list of them by name, have another form in HTTP/2; nil if
-- it cannot be sent there. Pure.
function _M.for_http2(answer)
  local changed = {}
  for name, value in pairs(answer) do
    if type(value) == "table" and name:lower() == "content-length" then
      return nil -- nginx before 1.23 lets that pass
    end
    local new, differ = mended_lines(name, lines(value))
    if not new then
      return nil
    elseif differ then
      changed[name] = type(value) == "table" and new or new[1]
    end
  end
  return changed
end

--- Header filter phase, if clients may speak HTTP/2: gives those an answer that they can read.
-- False if the server's is none; then they get a 502.
function _M.mend_for_http2()
  if var.server_protocol ~= "HTTP/2.0" then
    return true
  end
  local changed = _M.for_http2(ngx.resp.get_headers(0, true))
  if not changed then
    return bad_gateway()
  end
  for name, value in pairs(changed) do
    ngx.header[name] = value
  end
  return true
end

--- Header filter phase: takes from an answer what belongs to the server's connection. False if it
-- is none that a client can have: then the answer is 502. Runs for every answer: of nearly all, two
-- looks are the end of it.
function _M.remove_from_answer()
  local status, connection = ngx.status, var.upstream_http_connection
  if status >= 200 and status ~= UPGRADE_REQUIRED and (not connection or usual[connection]) then
    return true
  end
  return remove_named(status, connection)
end

return _M
