-- What the workers share: the dictionary that holds documents in parts, and the generation that
-- names the current one. Knows nothing of a worker's own view; publication.lua writes documents.
--
-- A part never changes under its key. Parts are stored first, the index next, and the generation
-- last, so a reader sees the whole old document or the whole new one. Nothing here evicts: only
-- safe_set and safe_add are used, and a document that does not fit changes nothing.
local json = require("orctl.lib.json")
local leaving = require("orctl.state.leaving")
local lock = require("orctl.lib.lock")
local pace = require("orctl.lib.pace")

local _M = {}

-- The dictionary outlives a reload, and a reload may bring other Lua: a new layout of the values
-- takes a new prefix.
local P = "1/"
local GENERATION, VERSION = P .. "generation", P .. "version"

local ITEM = 100 -- bytes of a stored part that count as one item of work

local dict = ngx.shared.orctl

local function index_key(generation) return P .. "index/" .. generation end
local function raw_key(generation) return P .. "raw/" .. generation end
local function change_key(generation) return P .. "change/" .. generation end
local function routes_key(version) return P .. "routes/" .. version end
local function part_key(name, version) return P .. "upstream/" .. name .. "/" .. version end

--- Keys of the pieces of a document, and those of its own that all begin with the prefix P.
_M.P, _M.index_key, _M.raw_key, _M.change_key = P, index_key, raw_key, change_key
_M.routes_key, _M.part_key = routes_key, part_key

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
function _M.index(generation)
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
  local index = _M.index(generation)
  local bytes = dict:get(raw_key(generation))
  if index and bytes then
    return bytes, index.digest
  end
end

--- The last generation, up to this one, that is too large to be built while a request waits; 0 if
-- none was.
function _M.last_large(generation)
  local index = _M.index(generation)
  return index and index.large or 0
end

--- When the current document was published, in seconds since 1970; 0 if none was.
function _M.published_at()
  local index = _M.index(_M.generation())
  return index and index.at or 0
end

--- Reads a generation. `has(name, version)` and `has(nil, version)` say which parts and routes the
-- caller already holds; those are left out. `held` is the generation that it holds all parts of,
-- nil if none: then `only` names the one upstream in which the two differ, if it is but one, and
-- `versions` has no others. Nil and a reason if a part is missing.
function _M.load(generation, has, held)
  local index = _M.index(generation)
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

--- Keeps the index of a generation that was just published: nil, so that it is read anew.
function _M.keep_index(index)
  last_index, last_indexed = index, index and index.generation
end

--- Makes the next generation the current one, for all to see; false if there is no room.
function _M.next_generation()
  if not add(GENERATION, 1) then
    return false
  end
  add(VERSION, 1)
  return true
end

--- Whether some worker has decided what the workers of this cycle serve.
function _M.is_settled(boot)
  return (dict:get(P .. "booted") or 0) >= boot
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
