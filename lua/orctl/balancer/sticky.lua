-- Sessions that stay with a server: a cookie names it. The name is a digest of upstream and address
-- under a key of the instance: the same in every worker and after every change, it says nothing of
-- the network behind, and nobody can make up one.
local digest = require("orctl.balancer.session_key").digest
local step = require("orctl.lib.pace").step

local _M = {}

local var = ngx.var

local function attributes(settings)
  return "; Path=" .. settings.path
    .. (settings.domain and "; Domain=" .. settings.domain or "")
    .. (settings.ttl and ("; Max-Age=%d"):format(math.ceil(settings.ttl)) or "")
    .. (settings.secure and "; Secure" or "")
    .. (settings.http_only and "; HttpOnly" or "")
end

-- Gives each peer the cookie that names it. The master has no key, and what it has built serves
-- until a worker has built its own.
local function fill(sticky)
  local by_mark = {}
  for _, peer in ipairs(sticky.peers) do
    step(4)
    local mark = digest("sticky/" .. sticky.name .. "/" .. peer.key)
    by_mark[mark] = peer
    peer.set_cookie = sticky.before .. mark .. sticky.after
  end
  sticky.by_mark = by_mark
  return by_mark
end

--- What find() and keep() need for an upstream's peers. `settings` are the compiled ones of the
-- document; nil if there are none.
function _M.compile(settings, name, peers)
  if not settings then
    return nil
  end
  -- With a time to live, each answer starts it anew.
  local sticky = { variable = "cookie_" .. settings.cookie, always = settings.ttl ~= nil,
    name = name, peers = peers, before = settings.cookie .. "=", after = attributes(settings) }
  if ngx.get_phase() ~= "init" then
    fill(sticky)
  end
  return sticky
end

--- The peer that the request's cookie names, unless it must not be used: one in state drain still
-- serves its sessions, one in another state, down, or in the set of keys `tried` does not.
function _M.find(sticky, down, tried)
  local mark = var[sticky.variable]
  local peer = mark and (sticky.by_mark or fill(sticky))[mark]
  if peer and (not peer.state or peer.state == "drain") and not (down and down[peer.key])
    and not (tried and tried[peer.key]) then
    return peer
  end
end

--- Makes the answer name `peer`, if the request's cookie named `found` or none.
function _M.keep(sticky, peer, found)
  if peer ~= found or sticky.always then
    if not sticky.by_mark then
      fill(sticky)
    end
    var.orctl_set_cookie = peer.set_cookie
  end
end

return _M
