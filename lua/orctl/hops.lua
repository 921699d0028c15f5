-- Fields of a request that belong to the client's connection and to nobody behind it (RFC 9110,
-- 7.6.1): those that Connection names, and an Upgrade that is not taken further. nginx.conf sends
-- here only requests that have some of which nginx does not know.
local _M = {}

local MOST = 64 -- names in Connection; whoever sends more wants to keep the gateway busy

-- What Connection may name without an effect here: options that are no fields, fields that frame
-- the request, and those that the gateway writes itself, which no client takes from a server.
local kept = {}
for name in ("close keep-alive upgrade te trailer transfer-encoding content-length host expect "
  .. "forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip"):gmatch("%S+") do
  kept[name] = true
end

--- Names of the fields to remove, of a value of Connection or a list of them; nil if they are too
-- many. Pure.
function _M.named(value)
  local names, seen, count = {}, {}, 0
  for _, text in ipairs(type(value) == "table" and value or { value }) do
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

--- Rewrite phase: takes them from the current request; false if they are too many.
function _M.remove()
  local names = _M.named(ngx.req.get_headers(0)["connection"])
  if not names then
    return false
  end
  for i = 1, #names do
    ngx.req.clear_header(names[i])
  end
  if ngx.var.orctl_upgrade == "" then
    ngx.req.clear_header("Upgrade") -- else nginx would make a tunnel of any 101
  end
  return true
end

return _M
