-- The shared dictionary: documents in parts, and the generation that names the current one. Knows
-- nothing of a worker's own state.
--
-- A part never changes under its key. Parts are stored first, the index next, and the generation
-- last, so a reader sees the whole old document or the whole new one. Nothing here evicts: only
-- safe_set and safe_add are used, and a document that does not fit changes nothing.
local record = require("orctl.health.record")
local host_of = require("orctl.metrics.record").host_of
local json = require("orctl.lib.json")
local leaving = require("orctl.state.leaving")
local left = require("orctl.metrics.left")
local lock = require("orctl.lib.lock")
local pace = require("orctl.lib.pace")
local rate_limit = require("orctl.policy.rate_limit")
local sha256 = require("orctl.lib.sha256")
local splice = require("orctl.document.splice")

local _M = {}

-- The dictionary outlives a reload, and a reload may bring other Lua: a new layout of the values
-- takes a new prefix.
local P = "1/"
local GENERATION, VERSION = P .. "generation", P .. "version"

-- The kinds of keys that belong to one document.
local parts = { ["raw/"] = true, ["index/"] = true, ["routes/"] = true, ["upstream/"] = true,
  ["change/"] = true }

local MOST_LEFT = 200 -- servers, upstreams and hosts that are forgotten at once
local MANY = 200   -- servers of an upstream that are written with pauses
local LARGE = 1000 -- servers and hosts that are too many to be built while a request waits
local ITEM = 100   -- bytes of a stored part that count as one item of work

local dict = ngx.shared.orctl

local function index_key(generation) return P .. "index/" .. generation end
local function raw_key(generation) return P .. "raw/" .. generation end
local function change_key(generation) return P .. "change/" .. generation end
local function routes_key(version) return P .. "routes/" .. version end
local function part_key(name, version) return P .. "upstream/" .. name .. "/" .. version end

--- Number that changes with every document, every change of health and every override: the one
-- thing that a request looks at. Nil before the first.
function _M.version()
  return dict:get(VERSION)
end

--- Number of the current document; 0 before the first.
function _M.generation()
  return dict:get(GENERATION) or 0
end

-- incr() with an initial value may evict; this does not.
local function add(key, number)
  local value = dict:incr(key, number)
  if not value and dict:safe_add(key, number) then
    return number
  end
  return value or dict:incr(key, number)
end

--- A number for a new cycle of the master, larger than any before in this dictionary.
function _M.next_boot()
  return assert(add(P .. "boots", 1), "the shared dictionary is full")
end

--- The last of these numbers.
function _M.boots()
  return dict:get(P .. "boots") or 0
end

local last_index, last_indexed

-- Makes the index of the generation before into that of one in which a single upstream changed.
-- With thousands of them a copy would cost more than the change.
local function advance(index, generation, change)
  index.upstreams[change.name] = change.version
  index.generation, index.digest, index.at = generation, change.digest, change.at
  index.large = change.large
  index.changed = change.name
  return index
end

local function next_index(generation)
  local text = generation - 1 == last_indexed and dict:get(change_key(generation))
  local change = text and json.unpack(text)
  return change and advance(last_index, generation, change)
end

-- The index of a generation: its digest, the versions of its parts, when it was published, and
-- `changed`, the one upstream in which it differs from the generation before. It is the caller's
-- until the next call: the last one is kept, as to read it costs more than the change of one part.
local function read_index(generation)
  if generation ~= last_indexed then
    local index = next_index(generation)
    if not index then
      local text = dict:get(index_key(generation))
      index = text and json.unpack(text)
    end
    last_index, last_indexed = index, index and generation
  end
  return last_index
end

--- Bytes and digest of the document of a generation; nil if it is no longer the current one.
function _M.raw(generation)
  local index = read_index(generation)
  local bytes = dict:get(raw_key(generation))
  if index and bytes then
    return bytes, index.digest
  end
end

--- The last generation, up to this one, that is too large to be built while a request waits; 0 if
-- none was.
function _M.last_large(generation)
  local index = read_index(generation)
  return index and index.large or 0
end

--- When the current document was published, in seconds since 1970; 0 if none was.
function _M.published_at()
  local index = read_index(_M.generation())
  return index and index.at or 0
end

--- Reads a generation. `has(name, version)` and `has(nil, version)` say which parts and routes the
-- caller already holds; those are left out. `held` is the generation that it holds all parts of,
-- nil if none: then `only` names the one upstream in which the two differ, if it is but one, and
-- `versions` has no others. Nil and a reason if a part is missing.
function _M.load(generation, has, held)
  local index = read_index(generation)
  if not index then
    return nil, "index " .. generation .. " is missing"
  end
  local only = held == generation - 1 and index.changed or nil
  local versions = only and { [only] = index.upstreams[only] } or index.upstreams
  local loaded = { digest = index.digest, versions = versions, parts = {}, only = only,
    routes_version = index.routes }
  for name, version in pairs(versions) do
    if not has(name, version) then
      local text = dict:get(part_key(name, version))
      pace.step(#(text or "") / ITEM)
      local part, err = json.unpack(text or "")
      if not part then
        return nil, ("upstream %s: %s"):format(name, text and err or "part is missing")
      end
      loaded.parts[name] = part
    end
  end
  if not has(nil, index.routes) then
    local text = dict:get(routes_key(index.routes))
    local routes, err = json.unpack(text or "")
    if not routes then
      return nil, "routes: " .. (text and err or "part is missing")
    end
    loaded.routes = routes
  end
  return loaded
end

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

local function publish(change, options, owner)
  local generation, compiled = _M.generation(), change.compiled
  local old = generation > 0 and read_index(generation) or { upstreams = {} }
  if options.accept and not options.accept(generation, old.digest) then
    return nil, "conflict"
  end
  local one = change.text and compiled.upstreams[1].name or nil
  local before = one and old.upstreams[one]
  if one and not before then
    return nil, "missing"
  end
  local bytes = text_of(change, generation)
  local digest = sha256.hex(bytes)
  lock.keep(owner)
  local unchanged = old.digest == digest
  local new = { generation = generation + 1, digest = digest, at = ngx.time(), changed = one,
    upstreams = one and old.upstreams or {} }
  -- The raw bytes go first: the largest piece finds out soonest that there is no room.
  local stored, ok, err, reason = {}, true, nil, "full"
  local keep_places
  if not unchanged then
    keep_places = compiled.routes and rate_limit.place(compiled.routes)
    -- Of one upstream, the version is put into the index that is held: unless all goes well, that
    -- is read anew.
    last_indexed = nil
    dict:delete(change_key(new.generation)) -- of a worker that was killed before it published
    stored[1] = raw_key(new.generation)
    ok, err = dict:safe_set(stored[1], bytes)
    if ok then
      ok, err = write_parts(old, new, compiled, stored)
      lock.keep(owner)
    end
    if ok and one then
      -- Only spares others the index: without room for it they read that.
      stored[#stored + 1] = change_key(new.generation)
      dict:safe_set(stored[#stored], json.pack({ name = one, version = new.upstreams[one],
        digest = digest, at = new.at, large = new.large }))
    end
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
    return { generation = generation, digest = digest, changed = false }
  end
  if not ok or not add(GENERATION, 1) then
    for _, key in ipairs(stored) do
      dict:delete(key)
    end
    ngx.log(ngx.ERR, "the document was not stored: ", err)
    return nil, reason, err
  end
  add(VERSION, 1)
  if keep_places then
    keep_places()
  end
  local replaced = one and { [one] = new.upstreams[one] ~= before and before or nil }
    or replaced_parts(old, new)
  last_index, last_indexed = new, new.generation
  collect(old, new, compiled, replaced)
  return { generation = new.generation, digest = digest, changed = true }
end

-- Removes what a worker that was killed while it published has left behind.
local function sweep()
  local generation = _M.generation()
  local index = generation > 0 and read_index(generation)
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

--- Whether some worker has decided what the workers of this cycle serve.
function _M.is_settled(boot)
  return (dict:get(P .. "booted") or 0) >= boot
end

-- The tree's own document: once for each cycle of the master, and only if the tree brought a
-- document that no earlier cycle published. So a reload for another reason keeps a hotter one, and
-- a start that finds one saved serves that.
local function publish_tree(change, options, owner)
  if (dict:get(P .. "booted") or 0) >= options.boot then
    return {}
  end
  local result = {}
  if not _M.is_tree_document(options.tree) then
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

--- Text of the overrides, nil if there are none.
function _M.overrides_text()
  return dict:get(P .. "note/overrides")
end

local function set_overrides(step)
  local before = _M.note("overrides") or { version = 0, upstreams = {} }
  local after, reason, err = step(before)
  if not after then
    return nil, reason, err
  end
  if after == before then
    return before
  end
  if not _M.set_note("overrides", after) then
    return nil, "full"
  end
  for name, upstream in pairs(before.upstreams) do
    local now = after.upstreams[name]
    for key, entry in pairs(upstream.servers) do
      if entry.add and not (now and now.servers[key] and now.servers[key].add) then
        leaving.note(name, { key })
      end
    end
  end
  add(VERSION, 1)
  return after
end

--- Replaces the overrides by what step(overrides) returns: {version, upstreams = {NAME = {version,
-- servers = {KEY = entry}}}}; the same table changes nothing, nil and a reason refuse. `around`, if
-- there is one, is given a function that does all that, and returns what it returns.
function _M.change_overrides(may_wait, step, around)
  return lock.alone(may_wait, function()
    local function set() return set_overrides(step) end
    if around then
      return around(set)
    end
    return set()
  end)
end

--- Notes that the tree's own document is this one, as `x-tree: 1` says.
function _M.set_tree_document(digest)
  dict:safe_set(P .. "tree_document", digest)
end

--- Digest of the document that a tree published last; nil before the first.
function _M.tree_document()
  return dict:get(P .. "tree_document")
end

--- Whether `digest` is that of the document which a tree published last.
function _M.is_tree_document(digest)
  return _M.generation() > 0 and dict:get(P .. "tree_document") == digest
end

--- Gives back the counters of some servers that left and whose last request has ended, and those of
-- some upstreams and hosts. `is_used(name, key)` knows the servers of the generation named, and
-- `is_named(kind, name)` its upstreams and hosts; if it is not the current one, nothing is done.
function _M.forget_left(generation, is_used, is_named)
  if leaving.count() + left.count() == 0 then
    return
  end
  lock.alone(false, function()
    if generation == _M.generation() then
      leaving.forget(is_used, MOST_LEFT)
      left.forget(is_named, MOST_LEFT)
    end
  end)
end

--- Makes every worker look at what has changed.
function _M.bump()
  add(VERSION, 1)
end

--- A value under a name of its own, decoded; nil if there is none.
function _M.note(name)
  local text = dict:get(P .. "note/" .. name)
  return text and json.unpack(text)
end

--- Keeps a value under a name of its own.
function _M.set_note(name, value)
  return dict:safe_set(P .. "note/" .. name, json.pack(value))
end

return _M
