-- Temporary changes that an operator makes to a running instance: effective = document +
-- overrides. An override belongs to one server, carries who, why and until when, and ends by
-- itself. Pure; time is a parameter, in seconds since boot where it decides and of the wall clock
-- where it is shown.
local checker = require("orctl.document.check")
local json = require("orctl.lib.json")
local sha256 = require("orctl.lib.sha256")

local _M = {}

local STATES = { drain = true, maint = true, ready = true }
local MAX_WEIGHT = 1000

local by_number = { type = "integer", min = 0, max = MAX_WEIGHT }
local by_percent = { type = "string", pattern = "^%d%d?%d?%%$",
  hint = "a number from 0 to 1000, or a percentage such as \"50%\"" }

local function rule_with(weight)
  return { type = "object", fields = {
    state = { type = "string", enum = STATES, hint = "\"drain\", \"maint\" or \"ready\"" },
    weight = weight,
    add = { type = "object", fields = {
      weight = { type = "integer", min = 1, max = MAX_WEIGHT },
      backup = { type = "boolean" },
      max_conns = { type = "integer", min = 1, max = 1000000 },
    } },
    remove = { type = "boolean" },
    reason = { type = "string", max_length = 1000, hint = "a text of at most 1000 bytes" },
    by = { type = "string", max_length = 200, hint = "a name of at most 200 bytes" },
    ["for"] = { type = "string", duration = true, max_length = 9, longest = 31 * 24 * 3600 * 1000,
      hint = "a number above 0 and a unit: ms, s, m or h, such as \"30m\"; at most 744h" },
    ignore_min_healthy = { type = "boolean" },
    replaced_by = { type = "string", pattern = "^%x+$", max_length = 64,
      hint = "a digest as digest_of() makes it" },
  } }
end

local rules = { number = rule_with(by_number), string = rule_with(by_percent) }

--- Faults {pointer, detail} of a decoded request to override a server.
function _M.check(request)
  local weight = json.type(request) == "object" and request.weight
  return checker.check(request, rules[json.type(weight)] or rules.number)
end

local kept = { "state", "weight", "add", "remove" }

--- The override that `request`, which is sound, makes of `entry`, the one there is, if any. Nil
-- when nothing is left of it. `now` and `wall` are the two times.
function _M.merge(entry, request, now, wall)
  local new = {}
  for _, name in ipairs(kept) do
    new[name] = request[name]
    if new[name] == nil and entry then
      new[name] = entry[name]
    end
  end
  if new.state == "ready" then new.state = nil end
  if request.remove == false then new.remove = nil end
  if new.add and new.remove then
    return nil -- what was added by an override and is removed again was never there
  end
  local something = false
  for _, name in ipairs(kept) do
    something = something or new[name] ~= nil
  end
  if not something then
    return nil
  end
  local seconds = request["for"] and checker.seconds(request["for"])
  new.reason = request.reason or entry and entry.reason
  new.by = request.by or entry and entry.by
  new.since = request.replaced_by and entry and entry.since or wall
  new.replaced_by = request.replaced_by
    or not (request.weight or request.add) and entry and entry.replaced_by or nil
  new.ends = seconds and now + seconds or not request["for"] and entry and entry.ends or nil
  new.expires = seconds and wall + seconds or not request["for"] and entry and entry.expires or nil
  return new
end

--- Digest of the weights that a document's part gives its servers. An override with such a digest
-- in `replaced_by` weighs nothing where the document says those weights itself: so what becomes the
-- document's is never reckoned twice, nor lost when that document is taken back.
function _M.digest_of(part)
  local lines = {}
  for i, server in ipairs(part.servers) do
    lines[i] = server.address .. " " .. server.weight .. "\n"
  end
  return sha256.hex(table.concat(lines))
end

local function digest_if_asked(part, entries)
  for _, entry in pairs(entries) do
    if entry.replaced_by then
      return _M.digest_of(part)
    end
  end
end

-- Weights are whole numbers. With a percentage among them all are counted in hundredths.
local function weigh(servers, entries)
  local scale = 1
  for _, entry in pairs(entries) do
    if type(entry.weight) == "string" then scale = 100 end
  end
  for _, server in ipairs(servers) do
    local wanted = not server.replaced and (entries[server.key] or {}).weight
    server.scaled = server.weight * scale
    if type(wanted) == "string" then
      server.scaled = server.weight * tonumber(wanted:match("%d+"))
    elseif wanted then
      server.scaled = wanted * scale
    end
    server.effective_weight = server.scaled / scale
  end
end

local function copy(value)
  local new = {}
  for name, field in pairs(value) do new[name] = field end
  return new
end

--- The part of an upstream with its overrides, `entries` by server key. A server that gets no new
-- requests has a `state`: drain, maint or removed.
function _M.effective(part, entries)
  local new, servers, known = copy(part), {}, {}
  local digest = digest_if_asked(part, entries)
  for i, server in ipairs(part.servers) do
    local entry = entries[server.key] or {}
    servers[i] = copy(server)
    servers[i].state = entry.remove and "removed" or entry.state
    servers[i].replaced = digest and entry.replaced_by == digest or nil
    known[server.key] = true
  end
  local added = {}
  for key, entry in pairs(entries) do
    if entry.add and not known[key] then added[#added + 1] = key end
  end
  table.sort(added)
  for _, key in ipairs(added) do
    local entry = entries[key]
    servers[#servers + 1] = { key = key, address = entry.address, host = entry.host,
      port = entry.port, weight = entry.add.weight or 1, backup = entry.add.backup or false,
      max_conns = entry.add.max_conns, state = entry.state, added = true }
  end
  weigh(servers, entries)
  for _, server in ipairs(servers) do
    if server.scaled == 0 then
      server.state, server.scaled = server.state or "drain", 1
    end
  end
  new.servers = servers
  return new
end

--- Upstreams with the overrides for which stays(name, key, entry) is true, and the others as a list
-- of {upstream, key, entry}.
function _M.filter(upstreams, stays)
  local left, gone = {}, {}
  for name, upstream in pairs(upstreams) do
    local servers, changed = {}, false
    for key, entry in pairs(upstream.servers) do
      if stays(name, key, entry) then
        servers[key] = entry
      else
        gone[#gone + 1] = { upstream = name, key = key, entry = entry }
        changed = true
      end
    end
    if next(servers) then
      left[name] = { version = upstream.version + (changed and 1 or 0), servers = servers }
    end
  end
  return left, gone
end

--- Upstreams with `entry` for a server, or without one if it is nil.
function _M.set(upstreams, name, key, entry, version)
  local new = copy(upstreams)
  local servers = copy((upstreams[name] or { servers = {} }).servers)
  servers[key] = entry
  new[name] = next(servers) and { version = version, servers = servers } or nil
  return new
end

--- Number of overrides.
function _M.count(upstreams)
  local count = 0
  for _, upstream in pairs(upstreams) do
    for _ in pairs(upstream.servers) do count = count + 1 end
  end
  return count
end

--- When the first override ends, in seconds since boot; nil if none does.
function _M.next_end(upstreams)
  local first
  for _, upstream in pairs(upstreams) do
    for _, entry in pairs(upstream.servers) do
      if entry.ends and (not first or entry.ends < first) then first = entry.ends end
    end
  end
  return first
end

--- Whether a weight, 5 or "50%", lets no new request through.
function _M.is_nothing(weight)
  return weight ~= nil and tonumber((tostring(weight):gsub("%%", ""))) == 0
end

local kinds = { state = "string", reason = "string", by = "string", remove = "boolean",
  replaced_by = "string",
  since = "number", ends = "number", expires = "number", address = "string", host = "string",
  port = "number" }
local added_kinds = { weight = "number", backup = "boolean", max_conns = "number" }

-- Numbers are times, weights and versions: a larger one is none, and os.date() would raise.
local function fits(value, kind)
  return type(value) == kind and (kind ~= "number" or math.abs(value) < 1e11)
end

local function all_fit(value, wanted)
  if type(value) ~= "table" then
    return false
  end
  for name, kind in pairs(wanted) do
    if value[name] ~= nil and not fits(value[name], kind) then
      return false
    end
  end
  return true
end

local function is_entry(key, entry)
  local weight, add = type(entry) == "table" and entry.weight, type(entry) == "table" and entry.add
  return type(key) == "string" and all_fit(entry, kinds)
    and (not weight or fits(weight, "number")
      or type(weight) == "string" and weight:find(by_percent.pattern) ~= nil)
    and (not add or all_fit(add, added_kinds) and entry.host ~= nil and entry.port ~= nil
      and entry.address ~= nil)
end

--- Whether `all`, which a file held, is {version, upstreams} with overrides as set() makes them.
function _M.is_sound(all)
  if type(all) ~= "table" or not fits(all.version, "number") or type(all.upstreams) ~= "table" then
    return false
  end
  for name, upstream in pairs(all.upstreams) do
    if type(name) ~= "string" or type(upstream) ~= "table" or not fits(upstream.version, "number")
      or type(upstream.servers) ~= "table" then
      return false
    end
    for key, entry in pairs(upstream.servers) do
      if not is_entry(key, entry) then
        return false
      end
    end
  end
  return json.pack(all) ~= nil -- what is unknown here is kept, and must be of a kind that can be
end

--- Overrides read from a file of another boot, or of this one: the time left goes on. `saved` holds
-- boot_id, wall and now of when it was written. Over a reboot only the wall clock knows how long it
-- took; it can shorten what was left and never lengthen it.
function _M.resume(upstreams, saved, boot_id, now, wall)
  if saved.boot_id == boot_id then
    return upstreams
  end
  local away = math.max(0, wall - saved.wall)
  for _, upstream in pairs(upstreams) do
    for _, entry in pairs(upstream.servers) do
      if entry.ends then
        entry.ends = now + entry.ends - saved.now - away
        entry.expires = wall + entry.ends - now
      end
    end
  end
  return upstreams
end

return _M
