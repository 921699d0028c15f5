-- The certificates of the https listeners: kept in the shared dictionary, parsed once by each
-- worker, chosen for each handshake by the name that the client asks for (tls/choice.lua).
--
-- A certificate lies under a key of its own version, the index that names them all under the
-- version of the set, and the number of the set is moved last: a worker sees the whole old set or
-- the whole new one, and every handshake looks at that number. The set lives through a reload,
-- and the tree's own is published once for each cycle of the master, if it is another than the one
-- that a tree published last. Keys leave this module only into OpenSSL.
local choice = require("orctl.tls.choice")
local json = require("orctl.lib.json")
local lock = require("orctl.lib.lock")
local sha256 = require("orctl.lib.sha256")
local ssl = require("ngx.ssl")
local tls = require("orctl.tls.pair")

local _M = {}

local P = "1/certs/"
local VERSION, BOOTED, TREE = P .. "version", P .. "booted", P .. "tree"

local dict = ngx.shared.orctl
local server_name, clear_certs = ssl.server_name, ssl.clear_certs
local set_cert, set_priv_key = ssl.set_cert, ssl.set_priv_key

local boot    -- number of this cycle of the master
local tree    -- the tree's own set
local current -- what this worker serves
local seen, following = 0, false -- version of `current`, and whether it follows the dictionary
local problem                    -- why it does not serve the newest set

local function index_key(version) return P .. "index/" .. version end
local function part_key(item) return ("%scert/%s/%d"):format(P, item.name, item.version) end

-- lib/model/certificates.cc computes the same.
local function digest_of(entries)
  local prints = {}
  for i, entry in ipairs(entries) do
    prints[i] = entry.name .. " " .. entry.print .. "\n"
  end
  return prints[1] and sha256.hex(table.concat(prints)) or ""
end

local function build(entries)
  local set = { entries = entries, by_name = {}, choice = choice.of(entries) }
  for _, entry in ipairs(entries) do set.by_name[entry.name] = entry end
  set.digest = digest_of(entries)
  return set
end

local function read_index(version)
  if version == 0 then
    return {}
  end
  local text = dict:get(index_key(version))
  return text and json.unpack(text)
end

-- The entries of a version; those that the worker holds already are not parsed again.
local function load(version)
  local entries = {}
  local index = read_index(version)
  if not index then
    return nil, "the index of the certificates is missing"
  end
  for i, item in ipairs(index) do
    local known = current.by_name[item.name]
    if not known or known.print ~= item.print then
      local part = json.unpack(dict:get(part_key(item)) or "")
      if not part then
        return nil, "certificate " .. item.name .. " is missing"
      end
      local _, reason
      part.name, part.hosts = item.name, item.hosts
      known, _, reason = tls.read(part)
      if not known then
        return nil, "certificate " .. item.name .. " " .. reason
      end
      known.certificate, known.key = nil, nil -- OpenSSL has its own copy
    end
    entries[i] = known
  end
  return entries
end

local function follow()
  if not following then
    if (dict:get(BOOTED) or 0) < boot then
      return
    end
    following = true
  end
  local version = dict:get(VERSION) or 0
  if version == seen then
    return
  end
  local entries
  repeat
    version = dict:get(VERSION) or 0
    entries, problem = load(version)
  until entries or (dict:get(VERSION) or 0) == version
  seen = version
  if entries then
    current, problem = build(entries), nil
  else
    ngx.log(ngx.ERR, "the new certificates are not served: ", problem)
  end
end

-- Stores `items` {name, hosts, print, certificate, key} as the new set; those without PEM are as
-- they were. False if there is no room, and then nothing has changed.
local function store(items)
  local old = dict:get(VERSION) or 0
  local kept, stored = {}, {}
  local version = old + 1
  local index = json.array()
  local ok = true
  for _, item in ipairs(read_index(old) or {}) do
    kept[item.name] = item
  end
  for i, item in ipairs(items) do
    local known = kept[item.name]
    if known and known.print == item.print then
      index[i] = known
      kept[item.name] = nil
    else
      index[i] = { name = item.name, hosts = item.hosts, print = item.print, version = version }
      stored[#stored + 1] = part_key(index[i])
      ok = ok and dict:safe_set(part_key(index[i]),
        json.pack({ certificate = item.certificate, key = item.key }))
    end
  end
  stored[#stored + 1] = index_key(version)
  ok = ok and dict:safe_set(index_key(version), json.pack(index))
    and (dict:incr(VERSION, 1) or dict:safe_add(VERSION, 1))
  if not ok then
    for _, key in ipairs(stored) do dict:delete(key) end
    return false
  end
  for _, item in pairs(kept) do
    dict:delete(part_key(item))
  end
  dict:delete(index_key(old))
  return true
end

-- Changes the set as `make(index)` says, one at a time over all workers; nil and "busy" or "full".
local function change(make, may_wait)
  local owner = lock.take(may_wait)
  if not owner then
    return nil, "busy"
  end
  local ok, stored = pcall(function()
    return store(make(read_index(dict:get(VERSION) or 0) or {}))
  end)
  lock.release(owner)
  if not ok then
    error(stored, 0)
  end
  if not stored then
    return nil, "full"
  end
  return true
end

-- The tree's own set, once for each cycle: a worker that is started anew must not bring back what
-- the tree held when the master read it.
local function adopt(may_wait)
  if following or (dict:get(BOOTED) or 0) >= boot then
    return
  end
  local ok, reason = true, nil
  if (dict:get(TREE) or "") ~= tree.digest then
    ok, reason = change(function() return tree.entries end, may_wait)
  end
  if ok then
    dict:safe_set(TREE, tree.digest)
  elseif reason == "full" then
    problem = "the tree's certificates do not fit into the shared dictionary"
  end
  if ok or reason == "full" then
    dict:safe_set(BOOTED, boot)
  end
end

--- In the master, which may read the keys: takes the certificates of the tree below `prefix` for
-- the cycle `number`, or raises why they cannot be served. One that has ended is served all the
-- same.
function _M.init(prefix, number)
  local entries, faults = tls.read_tree(prefix)
  if faults[1] then
    error(table.concat(faults, "; "), 0)
  end
  for _, entry in ipairs(entries) do
    local fault = tls.time_fault(entry, ngx.time())
    if fault then
      ngx.log(ngx.WARN, entry.file, ": ", fault)
    end
  end
  boot = number
  tree = build(entries)
  current, seen = tree, 0
end

--- In a worker that begins.
function _M.start()
  adopt(false)
  follow()
end

--- For idle workers: takes over what another one has been sent.
function _M.tick()
  adopt(false)
  follow()
end

local function group_for(name)
  return choice.for_name(current.choice, name)
end

--- Whether two names, of a handshake and of a request, have different certificates.
function _M.differ(one, other)
  follow()
  return group_for(one) ~= group_for(other)
end

--- ssl_certificate_by_lua: sets the certificates for the name that the client asks for.
function _M.serve()
  follow()
  local group = group_for(server_name())
  if not group[1] then
    return -- no set at all: nginx has the certificate that it was started with
  end
  local ok, err = clear_certs()
  for _, entry in ipairs(group) do
    if ok then ok, err = set_cert(entry.chain) end
    if ok then ok, err = set_priv_key(entry.pkey) end
    if not ok then
      ngx.log(ngx.ERR, "certificate ", entry.name, " cannot be used: ", err)
      return ngx.exit(ngx.ERROR)
    end
  end
end

--- Digest of the certificates that this worker serves, "" if there are none, and why they are not
-- the newest.
function _M.digest()
  return current.digest, problem
end

--- {name, not_after} of all certificates; the time in seconds since 1970, when the first of what
-- clients are sent ends.
function _M.expiry()
  follow()
  local list = {}
  for i, entry in ipairs(current.entries) do
    list[i] = { name = entry.name, not_after = entry.chain_not_after }
  end
  return list
end

--- What GET /v1/certs tells at `now`: everything but the keys.
function _M.items(now)
  follow()
  local items = json.array()
  for i, entry in ipairs(current.entries) do
    items[i] = { name = entry.name, hosts = json.array({ unpack(entry.names) }),
      not_after = tls.time_text(entry.not_after), sha256 = entry.sha256,
      key_type = entry.key_type,
      not_before = tls.time_text(entry.not_before), begun = now >= entry.not_before,
      chain_not_after = entry.chain_not_after < entry.not_after
        and tls.time_text(entry.chain_not_after) or nil,
      days = math.floor((entry.chain_not_after - now) / 86400) }
  end
  return items
end

local refusals = {
  busy = { status = 503, detail = "other updates are in progress; try again" },
  full = { status = 507, detail = "the certificates do not fit into lua_shared_dict orctl" },
}

-- Says of an entry why it must not be taken at `now`: one that has ended may stay where it is.
local function by_time(now)
  local served = {}
  for _, item in ipairs(read_index(dict:get(VERSION) or 0) or {}) do
    served[item.name] = item.print
  end
  return function(entry)
    return served[entry.name] ~= entry.print and tls.time_fault(entry, now) or nil
  end
end

local function never() end

--- Takes a PUT: of the certificate `name`, or of the whole set without one. `is_tree` says that
-- the set is the tree's, so that the next reload does not take it for a new one; whether it is
-- valid now is its sender's matter, as it is that of a start. Answers true, or nil and {status,
-- detail, pointer}.
function _M.put(name, bytes, is_tree, now)
  local value, err = json.decode(bytes)
  if err then
    return nil, { status = 400, detail = "not a JSON document" }
  end
  adopt(true)
  local found, pointer, reason
  if name then
    found, pointer, reason = tls.check_item(value, name, "", by_time(now))
  else
    found, pointer, reason = tls.check_set(value, is_tree and never or by_time(now))
  end
  if not found then
    return nil, { status = 422, detail = reason, pointer = pointer }
  end
  local ok, why = change(function(index)
    if not name then
      return found
    end
    local items, at = {}, #index + 1
    for i, item in ipairs(index) do
      items[i] = item
      at = item.name == name and i or at
    end
    items[at] = found
    return items
  end, true)
  if not ok then
    return nil, refusals[why]
  end
  follow()
  if is_tree and not name then
    dict:safe_set(TREE, digest_of(found))
  end
  return true
end

return _M
