-- What each worker tells the others of what it serves, and what all of the newest cycle say.
local certs = require("orctl.tls.certs")
local instance = require("orctl.state.instance")
local json = require("orctl.lib.json")
local shared = require("orctl.state.shared")

local _M = {}

local exiting = ngx.worker.exiting

local slot, slot_text -- where this worker reports, and what it reported

--- In a worker that begins.
function _M.start()
  slot = "worker/" .. ngx.worker.id()
  local cycle = shared.note("cycle")
  if not cycle or cycle.boot < instance.boot then
    shared.set_note("cycle", { boot = instance.boot, count = ngx.worker.count(),
      name = instance.name, tree = instance.tree, policy = instance.phases, at = ngx.time() })
  end
end

--- Reports that this worker serves `view`, has looked at the generation `seen` and the overrides of
-- `override_version`, and why it does not serve that one, if it does not. Workers of one cycle use
-- slots 0 to count - 1, and a newer cycle takes the slots over.
function _M.report(view, seen, override_version, problem)
  if not slot or exiting() then
    return
  end
  local other = shared.note(slot)
  if other and other.boot > instance.boot then
    return
  end
  local certificates, certs_problem = certs.digest()
  local value = { pid = ngx.worker.pid(), boot = instance.boot, tree = instance.tree,
    generation = view.generation, digest = view.digest, certs = certificates, seen = seen,
    error = problem or certs_problem, override_version = override_version }
  local text = json.pack(value)
  if text ~= slot_text or not other or other.pid ~= value.pid then
    slot_text = shared.set_note(slot, value) and text
  end
end

--- What the newest cycle of the master is: {boot, count, name, tree, policy, at}.
function _M.cycle()
  return shared.note("cycle")
end

--- Whether no newer cycle of the master has begun: what a worker that drains has read may be
-- nobody's any more.
function _M.is_newest()
  return _M.cycle().boot == instance.boot
end

--- Whether a field of what each worker of the newest cycle reports is this generation, or a later
-- one.
function _M.all_have(field, generation)
  local cycle = _M.cycle()
  for id = 0, cycle.count - 1 do
    local worker = shared.note("worker/" .. id)
    if not worker or worker.boot ~= cycle.boot or (worker[field] or 0) < generation then
      return false
    end
  end
  return true
end

--- What the workers of a cycle report, for /v1/status.
function _M.reports(cycle)
  local workers = json.array()
  for id = 0, cycle.count - 1 do
    local worker = shared.note("worker/" .. id)
    if worker and worker.boot == cycle.boot then
      worker.id, worker.boot, worker.seen = id, nil, nil
      workers[#workers + 1] = worker
    end
  end
  return workers
end

return _M
