-- Limits the body of a request. nginx.conf has one limit for all, the largest; routes are held to
-- smaller ones here.
local refuse = require("orctl.lib.refuse")

local _M = {}

local var = ngx.var

local units = { k = 1024, m = 1024 ^ 2, g = 1024 ^ 3 }

_M.key = "max_body" -- in bytes; 0 for no limit

_M.rule = { type = "string", max_length = 12, pattern = "^%d+[kKmMgG]?$",
  check = function(text) return #text:match("^%d+") <= 9 end,
  hint = "a number of bytes, or of k, m or g; \"0\" for no limit" }

function _M.compile(text)
  local number, unit = text:match("^(%d+)(%a?)$")
  return tonumber(number) * (units[unit:lower()] or 1)
end

--- In the master: routes without a limit have the instance's own, if nginx's is a larger one.
function _M.init(phases)
  local limit = phases.cap ~= phases.limit and phases.limit or 0
  _M.usual = limit > 0 and limit or nil
end

--- Why an instance with these phases cannot serve a limit without a reload; nil if it can.
function _M.refusal(limit, phases)
  local cap = phases.cap
  if cap > 0 and (limit == 0 or limit > cap) then
    return ("nginx itself takes at most %d bytes here; `orctl apply` of a manifest with it reloads "
      .. "once"):format(cap)
  end
end

-- Of a body whose length the client does not say this is known once nginx has read it, as it has in
-- the balancer phase.
local function is_too_large(limit)
  return limit > 0 and (tonumber(var.content_length) or 0) > limit
end

function _M.rewrite(limit)
  return is_too_large(limit) and refuse(413)
end

--- In the balancer phase: whether the body is too large, if the client did not say its length.
function _M.was_too_large(route)
  local limit = route.max_body or _M.usual
  return limit and limit > 0 and not var.http_content_length and is_too_large(limit)
end

return _M
