-- What this worker serves: a snapshot that changes as a whole in one step, and how it follows the
-- shared dictionary. Whoever calls current() must not go on with the upstreams of an earlier call.
local balancer = require("orctl.balancer.phase")
local certs = require("orctl.tls.certs")
local choice = require("orctl.balancer.choice")
local clock = require("orctl.lib.clock")
local counters = require("orctl.lib.counters")
local document = require("orctl.document.gateway")
local health = require("orctl.health.follow")
local json = require("orctl.lib.json")
local kept_overrides = require("orctl.state.kept_overrides")
local leaving = require("orctl.state.leaving")
local left_names = require("orctl.metrics.left")
local overrides = require("orctl.state.overrides")
local pace = require("orctl.lib.pace")
local policy = require("orctl.policy.policy")
local record = require("orctl.metrics.record")
local router = require("orctl.route.router")
local saved = require("orctl.state.saved")
local session_key = require("orctl.balancer.session_key")
local sha256 = require("orctl.lib.sha256")
local store = require("orctl.state.store")

local _M = {}

local generation_of, version_of = store.generation, store.version
local exiting = ngx.worker.exiting

local TICK = 0.05      -- seconds
local SWEEP_TICKS = 20 -- once a second: what dead workers and servers that left have left behind
local WAIT, STEP = 10, 0.005 -- seconds that who publishes waits for the workers
local MOST_TURNS = 64  -- that are taken in advance, so that workers begin at different servers

local instance                -- name and tree digest, boot, the tree's document; from the master
local snapshot                -- generation, digest, router, routes_version, upstreams
local seen_health             -- the last change of the servers' health in the snapshot
local seen_version            -- of all that the snapshot is made from
local seen = -1               -- the generation this worker last looked at, served or not
local seen_overrides          -- their text
local seen_override_version   -- and their version
local held_overrides          -- the text of those that the snapshot was made with
local next_end                -- when the first of them ends, in seconds since boot
local problem                 -- why it does not serve that one
local slot, slot_text         -- where it reports, and what it reported
local following = false       -- false: the tree's own document goes before the dictionary's
local settled                 -- the last large generation that all workers were waited for
local building = false        -- a timer builds what is too large to be built while a request waits
local adopted, adopting, ticks = false, false, 0
local started = false         -- a server that is new to this worker is new to all

-- Why this worker's cycle cannot serve these routes; nil if it can.
local function unserved(routes)
  local pointer, reason = policy.refusal(routes, instance.policy)
  return pointer and pointer .. ": " .. reason
end

-- A snapshot, whose `upstreams` are only those that differ from `old`, and what record.adopt()
-- takes if its routes are others than in `old`. Changes nothing that is served.
local function build(loaded, generation, old)
  local upstreams = {}
  local turns = ngx.worker.pid()
  for name, part in pairs(loaded.parts) do
    local override = loaded.overrides[name]
    pace.step()
    if override then
      part = overrides.effective(part, override.servers)
    end
    local built = balancer.build(part, loaded.versions[name], old.upstreams[name],
      turns % math.min(#part.servers + 1, MOST_TURNS), started)
    built.override_version = override and override.version
    health.apply(built, choice.prepare_down)
    upstreams[name] = built
  end
  local routes = loaded.routes and policy.build(loaded.routes)
  -- A worker that drains may meet a document of the next cycle: it keeps to what it can serve.
  local reason = routes and unserved(loaded.routes)
  if reason then
    error(reason, 0)
  end
  return {
    generation = generation, digest = loaded.digest, upstreams = upstreams,
    overrides = loaded.overrides,
    router = routes and router.compile(routes) or old.router,
    routes_version = loaded.routes_version,
  }, routes and record.prepare(routes)
end

local function read_overrides()
  local text = store.overrides_text()
  local all = text and json.unpack(text)
  return all and all.upstreams or {}, text, all and all.version or 0
end

-- Workers of one cycle use slots 0 to count - 1, and a newer cycle takes the slots over.
local function report()
  if not slot or exiting() then
    return
  end
  local other = store.note(slot)
  if other and other.boot > instance.boot then
    return
  end
  local certificates, certs_problem = certs.digest()
  local value = { pid = ngx.worker.pid(), boot = instance.boot, tree = instance.tree,
    generation = snapshot.generation, digest = snapshot.digest, certs = certificates, seen = seen,
    error = problem or certs_problem, override_version = seen_override_version }
  local text = json.pack(value)
  if text ~= slot_text or not other or other.pid ~= value.pid then
    slot_text = store.set_note(slot, value) and text
  end
end

-- Puts what build() made of `loaded` in the place of the snapshot. Thousands of upstreams stay in
-- the table that they are in: nothing yields in here, so no request sees half of a change.
local function swap(built, hosts, loaded)
  local upstreams = snapshot.upstreams
  if not loaded.only then
    for name, upstream in pairs(upstreams) do
      if not loaded.versions[name] then
        -- What left is not counted any more: its block may soon be somebody else's.
        upstream.stats.block = counters.SPARE
        upstreams[name] = nil
      end
    end
  end
  for name, upstream in pairs(built.upstreams) do
    upstreams[name] = upstream
    choice.serve(upstream)
  end
  built.upstreams = upstreams
  snapshot = built
  if hosts then
    record.adopt(hosts)
  end
end

-- Serves the current generation with the current overrides, or keeps the old snapshot and says why.
-- If the generation moves while its parts are read, they may be gone: then the new one is read.
-- In a timer that gives way, requests are served from the old snapshot until the swap.
local function follow()
  local generation, loaded, err, all, text, all_version
  local function has(name, version)
    if not name then
      return snapshot.routes_version == version
    end
    local known = snapshot.upstreams[name]
    return known and known.version == version
      and known.override_version == (all[name] and all[name].version)
  end
  repeat
    generation = generation_of()
    all, text, all_version = read_overrides()
    loaded, err = store.load(generation, has,
      text == held_overrides and snapshot.generation or nil)
  until loaded or generation_of() == generation
  local ok, built, hosts = true, nil, nil
  local change = health.last_change()
  if loaded then
    loaded.overrides = all
    ok, built, hosts = pcall(build, loaded, generation, snapshot)
    err = not ok and built or nil
  end
  if loaded and ok then
    swap(built, hosts, loaded)
    problem, held_overrides = nil, text
    seen_health = seen_health and math.min(seen_health, change)
  else
    problem = tostring(err)
    ngx.log(ngx.ERR, "generation ", generation, " is not served: ", problem)
  end
  seen, seen_overrides, next_end = generation, text, overrides.next_end(all)
  seen_override_version = all_version
  report()
end

-- In a timer. What came since is looked at by the next request or tick.
local function follow_slowly()
  local ok, err = pcall(pace.slowly, follow)
  building, seen_version = false, nil
  if not ok then
    error(err, 0)
  end
end

-- Whether the document is too large to be built while a request waits. A worker that ends builds
-- it all the same: its last requests are few, and it runs no timers.
local function is_large()
  return started and not exiting()
    and store.last_large(generation_of()) > snapshot.generation
end

local function follow_in_time()
  if is_large() then
    building = ngx.timer.at(0, follow_slowly) ~= nil
  end
  if not building then
    follow()
  end
end

local function follow_all()
  -- Another worker may have decided what this cycle serves before this one came to it, and an
  -- update may have been acknowledged since.
  if not following and store.is_settled(instance.boot) then
    adopted, following = true, true
  end
  local version = version_of()
  if following and not building
    and (generation_of() ~= seen or store.overrides_text() ~= seen_overrides) then
    follow_in_time()
  end
  seen_health = health.follow(snapshot.upstreams, seen_health, choice.follow_down)
  seen_version = following and version or nil
end

--- The snapshot to serve, as new as the last publication of any worker.
function _M.current()
  if not following or version_of() ~= seen_version then
    pace.at_once(follow_all)
  end
  return snapshot
end

--- Whether this worker does what only one of an instance does.
function _M.leads()
  return health.leads() and not exiting()
end

--- Whether no newer cycle of the master has begun: what a worker that drains has read may be
-- nobody's any more.
function _M.is_newest()
  return store.note("cycle").boot == instance.boot
end

--- Number of this cycle of the master.
function _M.boot()
  return instance.boot
end

local function is_current(name, key)
  local upstream = not exiting() and _M.current().upstreams[name]
  return upstream and upstream.health and upstream.peers[key]
end

-- One worker of each cycle of the master publishes the tree's document, or at a start the one that
-- was saved over it. Until that is done, each serves what it inherited from the master.
local function adopt(may_wait)
  local start, before = instance.start, generation_of()
  local result, reason = store.publish(start,
    { tree = instance.document.digest, boot = instance.boot, may_wait = may_wait })
  if not result and reason == "busy" then
    return
  end
  adopted, following = true, true
  if result then
    pace.at_once(follow)
  else
    problem = "the tree's document does not fit into the shared dictionary"
    seen = before
    report()
  end
end

local function end_overdue()
  local now = clock.boottime()
  if next_end and now >= next_end then
    kept_overrides.finish(function(_, _, entry)
      return not entry.ends or entry.ends > now
    end, " is over")
  end
end

-- Overrides of what is no longer in the document.
local function end_homeless()
  kept_overrides.finish(function(name, key, entry)
    local upstream = snapshot.upstreams[name]
    return upstream and (entry.add or upstream.peers[key])
  end, " ends, as the server has left the document")
end

-- Whether a field of what each worker of the newest cycle reports is this generation, or a later
-- one.
local function all_have(field, generation)
  local cycle = store.note("cycle")
  for id = 0, cycle.count - 1 do
    local worker = store.note("worker/" .. id)
    if not worker or worker.boot ~= cycle.boot or (worker[field] or 0) < generation then
      return false
    end
  end
  return true
end

-- Who is told that a document, or a change upon it, was taken finds it in every worker. A small one
-- is built by the request that meets it; for a large one, this waits.
local function wait_for_all()
  _M.current()
  local large, waited = store.last_large(generation_of()), 0
  local name = large .. " in cycle " .. store.note("cycle").boot
  while name ~= settled and waited < WAIT and not all_have("seen", large) do
    ngx.sleep(STEP)
    waited = waited + STEP
  end
  settled = name
  return _M.current()
end

local function left_count()
  return leaving.count() + left_names.count()
end

local function is_used(name, key)
  local upstream = snapshot.upstreams[name]
  return upstream and upstream.peers[key]
end

local function is_named(kind, name)
  return kind == "host" and record.hosts()[name] or kind == "upstream" and snapshot.upstreams[name]
end

local function sweep()
  record.sample()
  counters.bury()
end

-- Some of what has left at every tick: it may be tens of thousands of servers.
local function forget_left()
  -- Only when no worker can send a request to a server that left are its counters free.
  if left_count() > 0 and health.leads() and not building
    and all_have("generation", snapshot.generation) then
    store.forget_left(snapshot.generation, is_used, is_named)
  end
end

_M.TICK = TICK

--- TICK seconds have passed: idle workers follow, and one of them tidies up.
function _M.tick()
  if not adopted and not adopting then
    adopting = true
    local ok, err = pcall(adopt, true)
    adopting = false
    if not ok then
      ngx.log(ngx.ERR, "the tree's document was not published: ", err)
    end
  end
  if health.leads() then
    kept_overrides.follow()
  end
  follow_all() -- even if a worker died between its publication and the version
  end_overdue()
  choice.tick()
  report()
  health.tick(snapshot, instance.boot, is_current)
  ticks = ticks + 1
  if ticks % SWEEP_TICKS == 0 then
    sweep()
  end
  forget_left()
end

-- What a start, unlike a reload, begins with: the document that was saved over the tree's, if there
-- is one, and the overrides. A file that cannot be trusted is left where it is, and said.
local function read_saved()
  local bytes, err = saved.document(instance.document.digest)
  local compiled
  if bytes then
    compiled, err = document.read(bytes)
    err = err or unserved(compiled.routes)
  end
  if compiled and not err then
    instance.start = { bytes = bytes, compiled = compiled }
    ngx.log(ngx.NOTICE, "the saved document is served")
  elseif err then
    ngx.log(ngx.ERR, "the saved document is refused, the tree's one is served: ", err)
  end
  kept_overrides.start()
end

--- In the master: takes the tree's document, or raises why it cannot be served. Publishes
-- nothing: a reload that fails later has changed nothing. `settings.state` is the folder of what
-- outlives the process.
function _M.init(name, tree, bytes, settings)
  local boot = store.next_boot() -- even for a tree that is refused below: see last_reload()
  local compiled, err = document.read(bytes)
  if not compiled then
    error("gateway.json: " .. err, 0)
  end
  local digest = sha256.hex(bytes)
  instance = { name = name, tree = tree, boot = boot, policy = settings.policy,
    document = { bytes = bytes, compiled = compiled, digest = digest } }
  instance.start = instance.document
  saved.init(settings.state, name)
  session_key.init(settings.state)
  if not store.note("started") then
    read_saved()
    store.set_note("started", { at = clock.boottime() })
  end
  local start = instance.start
  local parts, versions = {}, {}
  for _, upstream in ipairs(start.compiled.upstreams) do
    parts[upstream.name], versions[upstream.name] = upstream, -1
  end
  local routes
  snapshot, routes = build({ digest = sha256.hex(start.bytes), versions = versions, parts = parts,
    overrides = read_overrides(), routes = start.compiled.routes, routes_version = -1 }, 0,
    { upstreams = {} })
  record.adopt(routes)
end

--- In a worker that begins.
function _M.start()
  counters.start()
  balancer.start()
  record.start()
  slot = "worker/" .. ngx.worker.id()
  local cycle = store.note("cycle")
  if not cycle or cycle.boot < instance.boot then
    store.set_note("cycle", { boot = instance.boot, count = ngx.worker.count(),
      name = instance.name, tree = instance.tree, policy = instance.policy, at = ngx.time() })
  end
  kept_overrides.follow() -- the master may have read the file a while ago
  if store.is_tree_document(instance.document.digest) then
    following = true
    follow()
  end
  adopt(false)
  started = true
  report()
end

--- Publishes a checked change and serves it: as store.publish(). `tree` says that it is also the
-- document of the tree, so that the next reload does not take it for a new one; `save`, that it is
-- to outlive the process. Nil, "phases", why and a pointer if a route needs phases of nginx.conf
-- that do not run.
function _M.publish(change, accept, tree, save)
  if not adopted then
    adopt(true)
  end
  -- The newest cycle counts: a worker of an old one may be asked, and keeps what it serves.
  local pointer, why = policy.refusal(change.compiled.routes or {}, store.note("cycle").policy)
  if pointer then
    return nil, "phases", why, pointer
  end
  local result, reason, err = store.publish(change, { boot = instance.boot, accept = accept,
    may_wait = true, save = save and function(bytes)
      return saved.keep_document(bytes, store.tree_document())
    end })
  if result then
    if tree then
      store.set_tree_document(result.digest)
      saved.drop_document()
    end
    if next(wait_for_all().overrides) then
      end_homeless()
      _M.current()
    end
  end
  return result, reason, err
end

--- Replaces the override of a server by what step(entry, upstream, peer) returns: as
-- kept_overrides.set(). Upstream and peer are those of the snapshot, nil if it has none such.
function _M.override(name, key, step)
  if not adopted then
    adopt(true)
  end
  kept_overrides.follow() -- what decides below shall know them
  local entry, reason, err = kept_overrides.set(name, key, function(known)
    local upstream = _M.current().upstreams[name]
    return step(known, upstream, upstream and upstream.peers[key])
  end)
  wait_for_all()
  return entry, reason, err
end

--- Status of the instance. Speaks of the newest cycle even when a worker of an old one answers;
-- `worker` is the pid of the one that does.
function _M.status()
  local current = _M.current()
  local cycle = store.note("cycle")
  local workers = json.array()
  for id = 0, cycle.count - 1 do
    local worker = store.note("worker/" .. id)
    if worker and worker.boot == cycle.boot then
      worker.id, worker.boot, worker.seen = id, nil, nil
      workers[#workers + 1] = worker
    end
  end
  return {
    worker = ngx.worker.pid(), name = cycle.name, tree = cycle.tree,
    workers = workers, worker_count = cycle.count,
    generation = current.generation, digest = current.digest,
    leaving = left_count(),
    overrides = overrides.count(current.overrides), override_version = seen_override_version,
    uptime = math.floor(clock.boottime() - (store.note("started") or { at = 0 }).at),
  }
end

--- By the status: whether the newest reload got as far as its workers, and none of them serves
-- something old for a reason; and when the configuration last changed, in seconds since 1970.
function _M.last_reload(status)
  local cycle = store.note("cycle")
  local ok = store.boots() == cycle.boot
  for _, worker in ipairs(status.workers) do
    ok = ok and not worker.error
  end
  return ok, math.max(cycle.at or 0, store.published_at())
end

--- Bytes, generation and digest of the current document.
function _M.document()
  local bytes, digest, generation
  repeat
    generation = generation_of()
    bytes, digest = store.raw(generation)
  until bytes or generation_of() == generation
  if bytes then
    return bytes, generation, digest
  end
  return instance.document.bytes, snapshot.generation, snapshot.digest
end
return _M
