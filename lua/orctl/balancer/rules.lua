-- The fields of an upstream that say how its servers are chosen: their rules, what a schema cannot
-- say of them, and how they are compiled. Pure; document/gateway.lua walks the rules.
local json = require("orctl.lib.json")
local request_key = require("orctl.route.request_key")

local _M = {}

local duration = { type = "string", duration = true, max_length = 9,
  hint = "a number above 0 and a unit: ms, s, m or h, such as \"500ms\"" }

local function is_domain(text)
  return text:find("^%w[%w.-]*$") and text:find("%w$")
end

local sticky = { type = "object", fields = {
  cookie = { type = "string", required = true, max_length = 64, pattern = "^[%w_-]+$",
    hint = "1 to 64 of A-Z, a-z, 0-9, _ and -" },
  path = { type = "string", max_length = 1024, pattern = "^/[%w._~/-]*$",
    hint = "a path that begins with /, of A-Z, a-z, 0-9, ., _, ~, - and /" },
  domain = { type = "string", max_length = 253, check = is_domain, hint = "a host name" },
  secure = { type = "boolean" },
  http_only = { type = "boolean" },
  ttl = duration,
} }

--- Fields of an upstream.
_M.fields = {
  balance = { type = "string", enum = { round_robin = true, least_conn = true, random = true,
    ip_hash = true, hash = true, ewma = true },
    hint = "round_robin, least_conn, random, ip_hash, hash or ewma" },
  hash = { type = "string", max_length = request_key.MAX_LENGTH, check = request_key.is_key,
    hint = request_key.HINT },
  slow_start = duration,
  sticky = sticky,
  all_down = { type = "string", enum = { try_all = true, fail = true },
    hint = "\"try_all\" or \"fail\"" },
  retry_budget = { type = "integer", min = 0, max = 100 },
}

--- Of a server.
_M.max_conns = { type = "integer", min = 1, max = 1000000 }

--- Calls `report(name, text)` for each fault of an upstream that lies in fields that go together.
function _M.check(up, report)
  local balance, sticks = up.balance, json.type(up.sticky) == "object"
  if balance == "hash" and type(up.hash) ~= "string" then
    report("balance", "balance \"hash\" needs hash, which says what names the server")
  elseif balance ~= "hash" and type(up.hash) == "string" then
    report("hash", "hash goes with balance \"hash\" only")
  end
  if sticks and (balance == "hash" or balance == "ip_hash") then
    report("sticky", "sticky does not go with a balance that keeps clients at a server itself")
  end
end

local function compile_sticky(value, seconds)
  return {
    cookie = value.cookie,
    path = value.path or "/",
    domain = value.domain,
    secure = value.secure or false,
    http_only = value.http_only ~= false,
    ttl = value.ttl and seconds(value.ttl),
  }
end

--- Adds the fields of `up`, with their defaults, to the compiled upstream `to`; `seconds` gives
-- those of a duration.
function _M.compile(up, to, seconds)
  to.balance = up.balance or "round_robin"
  to.hash = up.hash
  to.slow_start = up.slow_start and seconds(up.slow_start)
  to.sticky = up.sticky and compile_sticky(up.sticky, seconds)
  to.all_down = up.all_down or "try_all"
  to.retry_budget = up.retry_budget
end

return _M
