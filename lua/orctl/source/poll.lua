-- An instance whose document comes from elsewhere: from a key of Redis, read at start and then
-- polled by the worker that leads. What was read last and was sound is kept on disk, and is what
-- the instance starts with. The tree's own document is the start value: it is served until the
-- source has been read for the first time.
local clock = require("orctl.lib.clock")
local compat = require("orctl.document.compat")
local document = require("orctl.document.gateway")
local json = require("orctl.lib.json")
local pace = require("orctl.lib.pace")
local policies = require("orctl.policy.chain")
local redis = require("orctl.source.redis")
local sha256 = require("orctl.lib.sha256")
local saved_file = require("orctl.state.saved_file")
local shared = require("orctl.state.shared")

local _M = {}

local LIMIT = 12 * 1024 * 1024 -- bytes; what orctl allows a manifest's document
local LONGEST = 60             -- seconds between two readings while they fail
local KIND = "source"          -- of the file on disk, and the name of the note for all workers

local settings                 -- host, port, …, and `from`, which names the source; nil: no source
local path                     -- of what is kept on disk
local start                    -- the tree's own document: bytes, compiled

-- In the worker that leads.
local seen                     -- the bytes of the source that were looked at last
local refused                  -- why they are not served
local unsaved                  -- what the disk did not take
local now, due, failures, busy = 0, 0, 0, false

local units = { ms = 0.001, s = 1, m = 60, h = 3600 }

local function seconds(text)
  local number, unit = text:match("^(%d+)(%l+)$")
  return tonumber(number) * units[unit]
end

local function read_password(file)
  local handle, err = io.open(file, "rb")
  if not handle then
    error("source.password_file: " .. err, 0)
  end
  local password = (handle:read(1025) or ""):gsub("[\r\n]+$", "")
  handle:close()
  if password == "" or #password > 1024 or password:find("[%z\r\n]") then
    error(("source.password_file: %s: holds not one line of at most 1024 bytes"):format(file), 0)
  end
  return password
end

local function take_settings(source)
  return { host = source.host, port = source.port, key = source.key, database = source.database,
    interval = seconds(source.interval), timeout = seconds(source.timeout), limit = LIMIT,
    password = source.password_file and read_password(source.password_file),
    tls = source.tls and { name = source.tls_server_name, verify = source.tls_verify ~= false },
    from = ("redis %s:%d database %d key %s"):format(source.host, source.port, source.database,
      source.key) }
end

--- Raises what init() would, of what the settings name alone.
_M.check = take_settings

-- The document that is served now, if the source gave it or is yet to be asked: a reload changes
-- nothing of it, whatever the tree has brought.
local function served(phases)
  local generation = shared.generation()
  local bytes = generation > 0 and shared.raw(generation)
  local compiled = bytes and document.read(bytes)
  return compiled and not policies.refusal(compiled.routes, phases) and bytes or nil
end

local function kept(phases)
  local text, err = saved_file.load(path, KIND)
  local value = text and json.unpack(text)
  if text and not (type(value) == "table" and type(value.document) == "string") then
    err = "it holds no document"
  elseif value and value.from ~= settings.from then
    err = "it is from another source"
  elseif value then
    local compiled, reason = document.read(value.document)
    local pointer, lack = policies.refusal(compiled and compiled.routes or {}, phases)
    if compiled and not pointer then
      return value
    end
    err = reason or pointer .. ": " .. lack
  end
  if err then
    ngx.log(ngx.WARN, "what was kept of the source is not used: ", err)
  end
end

--- In the master: the bytes of the document to start with, instead of the tree's. `source`,
-- `folder` and `phases`, for policies.refusal(), are of the settings. Raises what makes the source
-- unusable.
function _M.init(source, folder, bytes, phases)
  settings = nil
  if not source then
    return bytes
  end
  settings = take_settings(source)
  path = folder .. "/source"
  local compiled, err = document.read(bytes)
  if not compiled then
    error("gateway.json: " .. err, 0)
  end
  start = { bytes = bytes, compiled = compiled }
  local known = served(phases)
  if known then
    return known
  end
  local value = kept(phases)
  shared.set_note(KIND, { ok = false, error = "it has not been read yet", at = value and value.at,
    digest = value and sha256.hex(value.document) })
  return value and value.document or bytes
end

--- Name of the source, if there is one: the document is changed there and not here.
function _M.name()
  return settings and settings.from
end

--- Whether the document with this digest, which is served, is the source's and not the start value.
function _M.rules(digest)
  local note = settings and shared.note(KIND)
  return note and note.digest == digest or false
end

--- For /v1/status: {ok, error, at, digest}; nil if there is no source. `digest` is that of the
-- document which the source gave last and which is served, `at` when it was last found there.
function _M.status()
  local note = settings
    and (shared.note(KIND) or { ok = false, error = "it has not been read yet" })
  return note and { ok = note.ok, error = note.error, at = note.at, digest = note.digest } or nil
end

--- Seconds until the next reading after so many failures in a row; `chance` from 0 to 1 spreads
-- instances that failed together.
function _M.delay(interval, count, chance)
  local longest = math.max(interval, LONGEST)
  local wait = math.min(interval * 2 ^ math.min(count, 10), longest)
  return count > 0 and wait * (0.75 + chance / 2) or wait
end

-- Compiled document and its bytes, from either kind of document; else nil and a reason.
local function read(bytes)
  local value, reason = document.decode(bytes)
  local compiled
  if reason then
    return nil, reason
  elseif compat.is_meant(value) then
    compiled, reason = compat.take(value)
    bytes = compiled and reason
  else
    compiled, reason = document.take(value)
  end
  if not compiled then
    return nil, reason
  elseif compiled.empty then
    return nil, ("upstream \"%s\" has no servers"):format(compiled.empty)
  end
  return compiled, bytes
end

local function save()
  local ok, err = saved_file.alone(path:match("^(.*)/"), function()
    return saved_file.save(path, KIND, json.pack(unsaved))
  end)
  if ok then
    unsaved = nil
  end
  return not ok and "it is served, but could not be kept on disk: " .. err or nil
end

-- Says once what is the matter, and once that it is over.
local function tell(before, problem, level)
  if problem and problem ~= before.error then
    ngx.log(level, "the source (", settings.from, "): ", problem)
  elseif not problem and before.error then
    ngx.log(ngx.NOTICE, "the source (", settings.from, ") has been read")
  end
end

-- Serves what the source holds now, if something else is served. Nil and a reason if it was not
-- decided.
local function take(bytes, before, gateway)
  if bytes ~= seen or not refused and not _M.rules(gateway.current().digest) then
    local compiled, result = read(bytes)
    refused = not compiled and result or nil
    if compiled then
      local done, reason, why = gateway.publish({ bytes = result, compiled = compiled },
        gateway.is_newest, true)
      if not done and (reason == "busy" or reason == "conflict") then
        return nil, "other updates are in progress"
      end
      refused = not done and (reason == "phases" and why
        or "the document does not fit into the shared dictionary") or nil
      if done then
        unsaved = { from = settings.from, at = clock.rfc3339(ngx.time()),
          document = result }
        before.digest = done.digest
      end
    end
    seen = bytes
  end
  local problem = refused or unsaved and save()
  tell(before, problem, ngx.ERR)
  return { ok = not refused, error = problem, digest = before.digest,
    at = not refused and clock.rfc3339(ngx.time()) or before.at }
end

-- A cycle that has not read the source for the first time, and cannot, has its start value.
local function fall_back(before, boot, gateway)
  if before.boot ~= boot and not _M.rules(gateway.current().digest) then
    gateway.publish(start, gateway.is_newest, true)
  end
end

local function poll(gateway)
  local boot = gateway.boot()
  local before = shared.note(KIND) or {}
  local bytes, err = redis.get(settings, ngx.now)
  if not gateway.leads() then
    return -- another worker polls by now
  end
  local note
  if bytes then
    note, err = take(bytes, before, gateway)
  end
  if not note then
    tell(before, err, ngx.WARN)
    note = { ok = false, error = err, at = before.at, digest = before.digest }
  end
  if not note.ok then
    fall_back(before, boot, gateway)
  end
  note.boot = boot
  shared.set_note(KIND, note)
  return bytes ~= nil
end

local function run(premature, gateway)
  if not premature then
    local called, ok = pcall(pace.slowly, poll, gateway)
    if not called then
      ngx.log(ngx.ERR, "the source was not read: ", ok)
    end
    failures = called and ok and 0 or failures + 1
    -- Instances that start together have the same random numbers, but not the same pids.
    due = now + _M.delay(settings.interval, failures, ngx.worker.pid() % 101 / 100)
  end
  busy = false
end

--- `elapsed` seconds have passed: if this worker leads, it reads the source when it is time.
-- `gateway` is what serves the documents: current(), publish(), leads(), is_newest(), boot().
function _M.tick(elapsed, gateway)
  now = now + elapsed
  if settings and not busy and due <= now and gateway.leads() then
    busy = ngx.timer.at(0, run, gateway) ~= nil
  end
end

return _M
