-- The view: what this worker serves. It changes as a whole in one step, and follows what the
-- workers share. Whoever calls current() must not go on with the upstreams of an earlier call.
local build = require("orctl.state.build")
local choice = require("orctl.balancer.choice")
local health = require("orctl.health.follow")
local instance = require("orctl.state.instance")
local json = require("orctl.lib.json")
local overrides = require("orctl.state.overrides")
local pace = require("orctl.lib.pace")
local record = require("orctl.metrics.record")
local sha256 = require("orctl.lib.sha256")
local shared = require("orctl.state.shared")
local workers = require("orctl.state.workers")

local _M = {}

local generation_of, version_of = shared.generation, shared.version
local exiting = ngx.worker.exiting

local view                    -- generation, digest, router, routes_version, upstreams, overrides
local seen_health             -- the last change of the servers' health in the view
local seen_version            -- of all that the view is made from
local seen = -1               -- the generation this worker last looked at, served or not
local seen_overrides          -- their text
local seen_override_version   -- and their version
local held_overrides          -- the text of those that the view was made with
local next_end                -- when the first of them ends, in seconds since boot
local problem                 -- why it does not serve that one
local following = false       -- false: the tree's own document goes before the shared one
local adopted = false         -- it is decided what this cycle of the master serves
local building = false        -- a timer builds what is too large to be built while a request waits
local started = false         -- a server that is new to this worker is new to all

local function read_overrides()
  local text = shared.overrides_text()
  local all = text and json.unpack(text)
  return all and all.upstreams or {}, text, all and all.version or 0
end

--- Tells the others what this worker serves.
function _M.report()
  workers.report(view, seen, seen_override_version, problem)
end

-- Serves the current generation with the current overrides, or keeps the old view and says why. If
-- the generation moves while its parts are read, they may be gone: then the new one is read. In a
-- timer that gives way, requests are served from the old view until the new one is complete.
local function follow()
  local generation, loaded, err, all, text, all_version
  local function has(name, version)
    if not name then
      return view.routes_version == version
    end
    local known = view.upstreams[name]
    return known and known.version == version
      and known.override_version == (all[name] and all[name].version)
  end
  repeat
    generation = generation_of()
    all, text, all_version = read_overrides()
    loaded, err = shared.load(generation, has,
      text == held_overrides and view.generation or nil)
  until loaded or generation_of() == generation
  local ok, built, hosts = true, nil, nil
  local change = health.last_change()
  if loaded then
    loaded.overrides = all
    ok, built, hosts = pcall(build.build, loaded, generation, view, started)
    err = not ok and built or nil
  end
  if loaded and ok then
    build.complete(built, hosts, loaded, view)
    view = built
    problem, held_overrides = nil, text
    seen_health = seen_health and math.min(seen_health, change)
  else
    problem = tostring(err)
    -- Workers that only end their requests may meet what needs the cycle after theirs: no fault.
    local level = workers.is_newest() and ngx.ERR or ngx.NOTICE
    ngx.log(level, "generation ", generation, " is not served: ", problem)
  end
  seen, seen_overrides, next_end = generation, text, overrides.next_end(all)
  seen_override_version = all_version
  _M.report()
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
    and shared.last_large(generation_of()) > view.generation
end

local function follow_in_time()
  if is_large() then
    building = ngx.timer.at(0, follow_slowly) ~= nil
  end
  if not building then
    follow()
  end
end

--- Looks at all that is shared, whether its version has moved or not: a worker may have died
-- between what it published and the version.
function _M.follow_all()
  -- Another worker may have decided what this cycle serves before this one came to it, and an
  -- update may have been acknowledged since.
  if not following and shared.is_settled(instance.boot) then
    adopted, following = true, true
  end
  local version = version_of()
  if following and not building
    and (generation_of() ~= seen or shared.overrides_text() ~= seen_overrides) then
    follow_in_time()
  end
  seen_health = health.follow(view.upstreams, seen_health, choice.follow_down)
  seen_version = following and version or nil
end

local follow_all = _M.follow_all

--- The view to serve, as new as the last publication of any worker.
function _M.current()
  if not following or version_of() ~= seen_version then
    pace.at_once(follow_all)
  end
  return view
end

--- The view as it is, without a look at what is shared.
function _M.now()
  return view
end

--- What this cycle serves is decided: the shared document is served at once.
function _M.adopt()
  adopted, following = true, true
  pace.at_once(follow)
end

--- The same, but what should be served could not be shared. `before` is the generation that it
-- should have followed; why is told to all.
function _M.give_up(before, why)
  adopted, following = true, true
  problem, seen = why, before
  _M.report()
end

--- Whether it is decided what this cycle serves, as far as this worker knows.
function _M.is_adopted()
  return adopted
end

--- Whether a timer builds a large document.
function _M.is_building()
  return building
end

--- Version of the overrides that this worker looked at last, and when the first of them ends, in
-- seconds since boot.
function _M.seen_overrides()
  return seen_override_version, next_end
end

--- In the master: serves the document that the instance starts with.
function _M.init()
  local start = instance.start
  local parts, versions = {}, {}
  for _, upstream in ipairs(start.compiled.upstreams) do
    parts[upstream.name], versions[upstream.name] = upstream, -1
  end
  local hosts
  view, hosts = build.build({ digest = sha256.hex(start.bytes), versions = versions, parts = parts,
    overrides = read_overrides(), routes = start.compiled.routes, routes_version = -1 }, 0,
    { upstreams = {} }, false)
  record.adopt(hosts)
end

--- In a worker that begins: if the tree's document is the one that was published last, the shared
-- one is served, which may be newer.
function _M.start()
  if shared.is_tree_document(instance.document.digest) then
    following = true
    follow()
  end
end

--- What the worker began with is served: servers that are new from now on are new to all.
function _M.started()
  started = true
  _M.report()
end

return _M
