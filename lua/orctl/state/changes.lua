-- What the admin endpoint and the source change: a document, an override. Who is told that it was
-- taken finds it in every worker.
local cycle = require("orctl.state.cycle")
local instance = require("orctl.state.instance")
local policies = require("orctl.policy.chain")
local publication = require("orctl.state.publication")
local saved = require("orctl.state.saved")
local saved_overrides = require("orctl.state.saved_overrides")
local shared = require("orctl.state.shared")
local tidy = require("orctl.state.tidy")
local view = require("orctl.state.view")
local workers = require("orctl.state.workers")

local _M = {}

local WAIT, STEP = 10, 0.005 -- seconds that who publishes waits for the workers

local settled -- the last large generation that all workers were waited for

-- A small document is built by the request that meets it; for a large one, this waits.
local function wait_for_all()
  view.current()
  local large, waited = shared.last_large(shared.generation()), 0
  local name = large .. " in cycle " .. workers.cycle().boot
  while name ~= settled and waited < WAIT and not workers.all_have("seen", large) do
    ngx.sleep(STEP)
    waited = waited + STEP
  end
  settled = name
  return view.current()
end

--- Publishes a checked change and serves it: as publication.publish(). `tree` says that it is also
-- the document of the tree, so that the next reload does not take it for a new one; `save`, that it
-- is to outlive the process. Nil, "phases", why and a pointer if a route needs phases of nginx.conf
-- that do not run.
function _M.publish(change, accept, tree, save)
  if not view.is_adopted() then
    cycle.adopt(true)
  end
  -- The newest cycle counts: a worker of an old one may be asked, and keeps what it serves.
  local pointer, why = policies.refusal(change.compiled.routes or {}, workers.cycle().policy)
  if pointer then
    return nil, "phases", why, pointer
  end
  local result, reason, err = publication.publish(change, { boot = instance.boot, accept = accept,
    may_wait = true, save = save and function(bytes)
      return saved.keep_document(bytes, shared.tree_document())
    end })
  if result then
    if tree then
      shared.set_tree_document(result.digest)
      saved.drop_document()
    end
    if next(wait_for_all().overrides) then
      tidy.end_homeless()
      view.current()
    end
  end
  return result, reason, err
end

--- Replaces the override of a server by what step(entry, upstream, peer) returns: as
-- saved_overrides.set(). Upstream and peer are those of the view, nil if it has none such.
function _M.override(name, key, step)
  if not view.is_adopted() then
    cycle.adopt(true)
  end
  saved_overrides.follow() -- what decides below shall know them
  local entry, reason, err = saved_overrides.set(name, key, function(known)
    local upstream = view.current().upstreams[name]
    return step(known, upstream, upstream and upstream.peers[key])
  end)
  wait_for_all()
  return entry, reason, err
end

return _M
