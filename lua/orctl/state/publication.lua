-- How a document gets into the dictionary that the workers share: in parts, under the lock, and as
-- a whole or not at all. shared.lua reads it.
local record = require("orctl.health.record")
local host_of = require("orctl.metrics.record").host_of
local json = require("orctl.lib.json")
local leaving = require("orctl.state.leaving")
local left = require("orctl.metrics.left")
local lock = require("orctl.lib.lock")
local pace = require("orctl.lib.pace")
local policies = require("orctl.policy.chain")
local sha256 = require("orctl.lib.sha256")
local shared = require("orctl.state.shared")
local splice = require("orctl.document.splice")

local _M = {}

-- The kinds of keys that belong to one document.
local parts = { ["raw/"] = true, ["index/"] = true, ["routes/"] = true, ["upstream/"] = true,
  ["change/"] = true }

local MANY = 200   -- servers of an upstream that are written with pauses
local LARGE = 1000 -- servers and hosts that are too many to be built while a request waits

local P = shared.P
local index_key, raw_key, change_key = shared.index_key, shared.raw_key, shared.change_key
local routes_key, part_key = shared.routes_key, shared.part_key
local dict = ngx.shared.orctl

-- Versions are texts: json.pack() takes ten times as long for a number, and there are thousands.
local one_host = { "" }

local function write_parts(old, new, compiled, stored)
  local work = 0
  local function put(key, text)
    stored[#stored + 1] = key
    return dict:safe_set(key, text)
  end
  for _, upstream in ipairs(compiled.upstreams) do
    local count = #upstream.servers
    local name, text = upstream.name, (count > MANY and json.pack_long or json.pack)(upstream)
    local version = old.upstreams[name]
    pace.step(1 + (count > MANY and 0 or count / 2))
    if not version or dict:get(part_key(name, version)) ~= text then
      work = work + 1 + count
      version = tostring(new.generation)
      local ok, err = put(part_key(name, version), text)
      if not ok then return nil, err end
    end
    new.upstreams[name] = version
  end
  local text = compiled.routes and json.pack_long(compiled.routes)
  new.routes = old.routes
  if text and (not old.routes or dict:get(routes_key(old.routes)) ~= text) then
    new.routes = tostring(new.generation)
    for _, route in ipairs(compiled.routes) do work = work + #(route.hosts or one_host) end
    local ok, err = put(routes_key(new.routes), text)
    if not ok then return nil, err end
  end
  new.large = work > LARGE and new.generation or old.large
  return put(index_key(new.generation), json.pack(new))
end

-- Tells which upstreams and hosts the new document does not name.
local function note_left(old, new, compiled)
  for name in pairs(old.upstreams) do
    if not new.upstreams[name] then
      left.note("upstream", name)
      pace.step()
    end
  end
  if not old.routes or old.routes == new.routes then
    return
  end
  local seen = {}
  for _, route in ipairs(compiled.routes) do seen[host_of(route)] = true end
  for _, route in ipairs(json.unpack(dict:get(routes_key(old.routes)) or "") or {}) do
    local host = host_of(route)
    pace.step()
    if not seen[host] then
      seen[host] = true
      left.note("host", host)
    end
  end
end

-- Versions of the old parts that the new document does not use.
local function replaced_parts(old, new)
  local replaced = {}
  for name, version in pairs(old.upstreams) do
    if new.upstreams[name] ~= version then replaced[name] = version end
  end
  return replaced
end

-- Removes what only the old document needed.
local function collect(old, new, compiled, replaced)
  local kept = {}
  for _, upstream in ipairs(compiled.upstreams) do
    if replaced[upstream.name] then
      pace.step(#upstream.servers / 4)
      for _, server in ipairs(upstream.servers) do
        kept[upstream.name .. "/" .. server.key] = true
      end
    end
  end
  for name, version in pairs(replaced) do
    local part = json.unpack(dict:get(part_key(name, version)) or "")
    local gone = {}
    for _, server in ipairs(part and part.servers or {}) do
      pace.step()
      if not kept[name .. "/" .. server.key] then
        record.forget(name, server.key)
        gone[#gone + 1] = server.key
      end
    end
    if gone[1] then
      leaving.note(name, gone)
    end
    dict:delete(part_key(name, version))
  end
  if not new.changed then
    note_left(old, new, compiled)
  end
  if old.routes and old.routes ~= new.routes then
    dict:delete(routes_key(old.routes))
  end
  if old.generation then
    dict:delete(raw_key(old.generation))
    dict:delete(index_key(old.generation))
    dict:delete(change_key(old.generation))
  end
end

-- The whole text of a changed document.
local function text_of(change, generation)
  if change.bytes then
    return change.bytes
  end
  local name = change.compiled.upstreams[1].name
  local bytes = dict:get(raw_key(generation))
  local text = splice.replace(bytes, name, change.text)
  if not text then
    bytes = splice.document_text(json.decode(bytes))
    text = splice.replace(bytes, name, change.text)
  end
  return text
end

-- Puts the pieces of a document into the dictionary, and their keys into `stored`, whatever comes
-- of it.
local function write(old, new, bytes, compiled, stored, owner)
  -- Of one upstream, the version is put into the index that is held: unless all goes well, that is
  -- read anew.
  shared.keep_index(nil)
  dict:delete(change_key(new.generation)) -- of a worker that was killed before it published
  -- The raw bytes go first: the largest piece finds out soonest that there is no room.
  stored[1] = raw_key(new.generation)
  local ok, err = dict:safe_set(stored[1], bytes)
  if ok then
    ok, err = write_parts(old, new, compiled, stored)
    lock.keep(owner)
  end
  local one = new.changed
  if ok and one then
    -- Only spares others the index: without room for it they read that.
    stored[#stored + 1] = change_key(new.generation)
    dict:safe_set(stored[#stored], json.pack({ name = one, version = new.upstreams[one],
      digest = new.digest, at = new.at, large = new.large }))
  end
  return ok, err
end

-- What `change` would make of the current document: the index of that one, the index of the new
-- one, and its bytes; nil and why it must not be.
local function prepare(change, options)
  local generation = shared.generation()
  local old = generation > 0 and shared.index(generation) or { upstreams = {} }
  if options.accept and not options.accept(generation, old.digest) then
    return nil, "conflict"
  end
  local one = change.text and change.compiled.upstreams[1].name or nil
  if one and not old.upstreams[one] then
    return nil, "missing"
  end
  local bytes = text_of(change, generation)
  return old, { generation = generation + 1, digest = sha256.hex(bytes), at = ngx.time(),
    changed = one, upstreams = one and old.upstreams or {} }, bytes
end

local function publish(change, options, owner)
  local old, new, bytes = prepare(change, options)
  if not old then
    return nil, new
  end
  local compiled, one = change.compiled, new.changed
  local before = one and old.upstreams[one]
  lock.keep(owner)
  local unchanged = old.digest == new.digest
  local stored, ok, err, reason = {}, true, nil, "full"
  local keep_places
  if not unchanged then
    keep_places = compiled.routes and policies.place(compiled.routes)
    ok, err = write(old, new, bytes, compiled, stored, owner)
  end
  -- Durable before it is seen: what was not saved is not served either.
  if ok and options.save then
    ok, err = options.save(bytes)
    reason = "unsaved"
  end
  if not lock.is_held(owner) then
    -- Took longer than the lock lasts. The keys belong to the next owner now.
    return nil, "busy"
  end
  if ok and unchanged then
    return { generation = new.generation - 1, digest = new.digest, changed = false }
  end
  if not ok or not shared.next_generation() then
    for _, key in ipairs(stored) do
      dict:delete(key)
    end
    ngx.log(ngx.ERR, "the document was not stored: ", err)
    return nil, reason, err
  end
  if keep_places then
    keep_places()
  end
  local replaced = one and { [one] = new.upstreams[one] ~= before and before or nil }
    or replaced_parts(old, new)
  shared.keep_index(new)
  collect(old, new, compiled, replaced)
  return { generation = new.generation, digest = new.digest, changed = true }
end

-- Removes what a worker that was killed while it published has left behind.
local function sweep()
  local generation = shared.generation()
  local index = generation > 0 and shared.index(generation)
  if not index then
    return
  end
  local wanted = { [raw_key(generation)] = true, [index_key(generation)] = true,
    [change_key(generation)] = true, [routes_key(index.routes)] = true }
  for name, version in pairs(index.upstreams) do
    wanted[part_key(name, version)] = true
  end
  for _, key in ipairs(dict:get_keys(0)) do
    local kind = key:sub(1, #P) == P and key:match("^%w+/", #P + 1)
    if kind and parts[kind] and not wanted[key] then
      dict:delete(key)
    end
  end
end

-- The document of this cycle is decided: no worker of it publishes the tree's any more. An update
-- that came first decides it too, or a worker that is late would undo it.
local function settle(boot)
  if (dict:get(P .. "booted") or 0) < boot then
    dict:safe_set(P .. "booted", boot)
  end
end

-- The tree's own document: once for each cycle of the master, and only if the tree brought a
-- document that no earlier cycle published. So a reload for another reason keeps a hotter one, and
-- a start that finds one saved serves that.
local function publish_tree(change, options, owner)
  if (dict:get(P .. "booted") or 0) >= options.boot then
    return {}
  end
  local result = {}
  if not shared.is_tree_document(options.tree) then
    local published, reason = publish(change, options, owner)
    if not published then
      return nil, reason
    end
    result = published
    dict:safe_set(P .. "tree_document", options.tree)
  end
  sweep()
  settle(options.boot)
  return result
end

local function publish_other(change, options, owner)
  local result, reason, err = publish(change, options, owner)
  if result then
    settle(options.boot)
  end
  return result, reason, err
end

--- Makes a checked document the current one: {generation, digest, changed}. `change` holds what
-- document.read() made of it, `compiled`, and its `bytes`; or of one upstream, with its `text` as
-- splice.fits() likes it. Else nil and "busy", "conflict" (`options.accept(generation, digest)`
-- refused the current one), "full", "missing" (no such upstream), or "unsaved" and why
-- (`options.save(bytes)` failed). `options.boot` is the cycle of the caller; `options.tree` the
-- digest of the tree's document, for the start; `options.may_wait` says that the caller can wait.
function _M.publish(change, options)
  local step = options.tree and publish_tree or publish_other
  return lock.alone(options.may_wait, step, change, options)
end
return _M
