-- Makes a view, what a worker serves, of the parts of a document and the overrides.
local balancer = require("orctl.balancer.phase")
local choice = require("orctl.balancer.choice")
local counters = require("orctl.lib.counters")
local health = require("orctl.health.follow")
local instance = require("orctl.state.instance")
local overrides = require("orctl.state.overrides")
local pace = require("orctl.lib.pace")
local policies = require("orctl.policy.chain")
local record = require("orctl.metrics.record")
local router = require("orctl.route.router")
local static = require("orctl.state.static")

local _M = {}

local MOST_TURNS = 64 -- that are taken in advance, so that workers begin at different servers

--- Why this worker's cycle cannot serve these routes; nil if it can.
function _M.unserved(routes)
  local pointer, reason = policies.refusal(routes, instance.phases)
  return pointer and pointer .. ": " .. reason
end

--- A view whose `upstreams` are only those that differ from `old`, and what record.adopt() takes if
-- its routes are others than in `old`. `may_begin`: servers that are new start slowly. Changes
-- nothing that is served.
function _M.build(loaded, generation, old, may_begin)
  local upstreams = {}
  local turns = ngx.worker.pid()
  for name, part in pairs(loaded.parts) do
    local override = loaded.overrides[name]
    pace.step()
    if override then
      part = overrides.effective(part, override.servers)
    end
    local built = balancer.build(part, loaded.versions[name], old.upstreams[name],
      turns % math.min(#part.servers + 1, MOST_TURNS), may_begin)
    built.override_version = override and override.version
    health.apply(built, choice.prepare_down)
    upstreams[name] = built
  end
  local routes = loaded.routes and policies.build(loaded.routes)
  -- A worker that drains may meet a document of the next cycle: it keeps to what it can serve.
  local reason = routes and _M.unserved(loaded.routes)
  if reason then
    error(reason, 0)
  end
  if routes then
    static.follow(routes)
  end
  return {
    generation = generation, digest = loaded.digest, upstreams = upstreams,
    overrides = loaded.overrides,
    router = routes and router.compile(routes) or old.router,
    routes_version = loaded.routes_version,
  }, routes and record.prepare(routes)
end

--- Gives the view that build() made of `loaded` all upstreams, those of the view `old` too.
-- Thousands of upstreams stay in the table that they are in: nothing yields in here, so no request
-- sees half of a change.
function _M.complete(built, hosts, loaded, old)
  local upstreams = old.upstreams
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
  if hosts then
    record.adopt(hosts)
  end
end

return _M
