-- A cycle of the master: what its init, its workers' start and their every tick do for what is
-- served; and what anybody else may ask of it.
local balancer = require("orctl.balancer.phase")
local build = require("orctl.state.build")
local choice = require("orctl.balancer.choice")
local clock = require("orctl.lib.clock")
local counters = require("orctl.lib.counters")
local document = require("orctl.document.gateway")
local health = require("orctl.health.follow")
local instance = require("orctl.state.instance")
local overrides = require("orctl.state.overrides")
local publication = require("orctl.state.publication")
local recent = require("orctl.metrics.recent")
local record = require("orctl.metrics.record")
local saved = require("orctl.state.saved")
local saved_overrides = require("orctl.state.saved_overrides")
local session_key = require("orctl.balancer.session_key")
local sha256 = require("orctl.lib.sha256")
local shared = require("orctl.state.shared")
local tidy = require("orctl.state.tidy")
local view = require("orctl.state.view")
local workers = require("orctl.state.workers")

local _M = {}

local exiting = ngx.worker.exiting

local TICK = 0.05      -- seconds
local SWEEP_TICKS = 20 -- once a second: what dead workers and servers that left have left behind

local adopting, ticks = false, 0

_M.TICK = TICK

--- Whether this worker does what only one of an instance does.
function _M.leads()
  return health.leads() and not exiting()
end

--- Number of this cycle of the master.
function _M.boot()
  return instance.boot
end

--- One worker of each cycle of the master publishes the tree's document, or at a start the one that
-- was saved over it. Until that is done, each serves what it inherited from the master.
function _M.adopt(may_wait)
  local before = shared.generation()
  local result, reason = publication.publish(instance.start,
    { tree = instance.document.digest, boot = instance.boot, may_wait = may_wait })
  if result then
    view.adopt()
  elseif reason ~= "busy" then
    view.give_up(before, "the tree's document does not fit into the shared dictionary")
  end
end

local function adopt_late()
  if not view.is_adopted() and not adopting then
    adopting = true
    local ok, err = pcall(_M.adopt, true)
    adopting = false
    if not ok then
      ngx.log(ngx.ERR, "the tree's document was not published: ", err)
    end
  end
end

local function is_current(name, key)
  local upstream = not exiting() and view.current().upstreams[name]
  return upstream and upstream.health and upstream.peers[key]
end

--- TICK seconds have passed: idle workers follow, and one of them tidies up.
function _M.tick()
  adopt_late()
  if health.leads() then
    saved_overrides.follow()
  end
  view.follow_all() -- even if a worker died between its publication and the version
  tidy.end_overdue()
  choice.tick()
  view.report()
  health.tick(view.now(), instance.boot, is_current)
  recent.tick(record.hosts(), view.now().upstreams)
  ticks = ticks + 1
  if ticks % SWEEP_TICKS == 0 then
    tidy.sweep()
  end
  tidy.forget_left()
end

--- This worker takes no more connections: from now on it has no ticks.
function _M.leave()
  recent.leave(record.hosts(), view.now().upstreams)
end

-- What a start, unlike a reload, begins with: the document that was saved over the tree's, if there
-- is one, and the overrides. A file that cannot be trusted is left where it is, and said.
local function read_saved()
  local bytes, err = saved.document(instance.document.digest)
  local compiled
  if bytes then
    compiled, err = document.read(bytes)
    err = err or build.unserved(compiled.routes)
  end
  if compiled and not err then
    instance.start = { bytes = bytes, compiled = compiled }
    ngx.log(ngx.NOTICE, "the saved document is served")
  elseif err then
    ngx.log(ngx.ERR, "the saved document is refused, the tree's one is served: ", err)
  end
  saved_overrides.start()
end

--- In the master: takes the tree's document, or raises why it cannot be served. Publishes
-- nothing: a reload that fails later has changed nothing. `settings.state` is the folder of what
-- outlives the process.
function _M.init(name, tree, bytes, settings)
  local boot = shared.next_boot() -- even for a tree that is refused below: see last_reload()
  local compiled, err = document.read(bytes)
  if not compiled then
    error("gateway.json: " .. err, 0)
  end
  instance.name, instance.tree, instance.boot = name, tree, boot
  instance.phases = settings.policy
  instance.document = { bytes = bytes, compiled = compiled, digest = sha256.hex(bytes) }
  instance.start = instance.document
  saved.init(settings.state, name)
  session_key.init(settings.state)
  if not shared.note("started") then
    read_saved()
    shared.set_note("started", { at = clock.boottime() })
  end
  view.init()
end

--- In a worker that begins.
function _M.start()
  local fallen = counters.start()
  balancer.start()
  recent.start(fallen)
  record.start()
  workers.start()
  saved_overrides.follow() -- the master may have read the file a while ago
  view.start()
  _M.adopt(false)
  view.started()
end

--- Status of the instance. Speaks of the newest cycle even when a worker of an old one answers;
-- `worker` is the pid of the one that does.
function _M.status()
  local current = view.current()
  local cycle = workers.cycle()
  return {
    worker = ngx.worker.pid(), name = cycle.name, tree = cycle.tree,
    workers = workers.reports(cycle), worker_count = cycle.count,
    generation = current.generation, digest = current.digest,
    leaving = tidy.left_count(),
    overrides = overrides.count(current.overrides), override_version = view.seen_overrides(),
    uptime = math.floor(clock.boottime() - (shared.note("started") or { at = 0 }).at),
  }
end

--- By the status: whether the newest reload got as far as its workers, and none of them serves
-- something old for a reason; and when the configuration last changed, in seconds since 1970.
function _M.last_reload(status)
  local cycle = workers.cycle()
  local ok = shared.boots() == cycle.boot
  for _, worker in ipairs(status.workers) do
    ok = ok and not worker.error
  end
  return ok, math.max(cycle.at or 0, shared.published_at())
end

--- Bytes, generation and digest of the current document.
function _M.document()
  local bytes, digest, generation
  repeat
    generation = shared.generation()
    bytes, digest = shared.raw(generation)
  until bytes or shared.generation() == generation
  if bytes then
    return bytes, generation, digest
  end
  return instance.document.bytes, view.now().generation, view.now().digest
end

return _M
