-- Sessions that stay with a server: a cookie names it. The name is a hash of upstream and address,
-- the same in every worker and after every change, and says nothing of the network behind.
local _M = {}

local var = ngx.var

local function attributes(settings)
  return "; Path=" .. settings.path
    .. (settings.domain and "; Domain=" .. settings.domain or "")
    .. (settings.ttl and ("; Max-Age=%d"):format(math.ceil(settings.ttl)) or "")
    .. (settings.secure and "; Secure" or "")
    .. (settings.http_only and "; HttpOnly" or "")
end

--- What find() needs for an upstream's peers, each of which gets the cookie that names it.
-- `settings` are the compiled ones of the document; nil if there are none.
function _M.compile(settings, name, peers)
  if not settings then
    return nil
  end
  local by_mark, rest = {}, attributes(settings)
  for _, peer in ipairs(peers) do
    local mark = ngx.md5(name .. "/" .. peer.key):sub(1, 16)
    by_mark[mark] = peer
    peer.set_cookie = settings.cookie .. "=" .. mark .. rest
  end
  -- With a time to live, each answer starts it anew.
  return { variable = "cookie_" .. settings.cookie, by_mark = by_mark,
    always = settings.ttl ~= nil }
end

--- The peer that the request's cookie names, unless it must not be used: one in state drain still
-- serves its sessions, one in another state, down, or in the set of keys `tried` does not.
function _M.find(sticky, down, tried)
  local mark = var[sticky.variable]
  local peer = mark and sticky.by_mark[mark]
  if peer and (not peer.state or peer.state == "drain") and not (down and down[peer.key])
    and not (tried and tried[peer.key]) then
    return peer
  end
end

--- Makes the answer name `peer`, if the request's cookie named `found` or none.
function _M.keep(sticky, peer, found)
  if peer ~= found or sticky.always then
    var.orctl_set_cookie = peer.set_cookie
  end
end

return _M
