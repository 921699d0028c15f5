-- Ends what has no right to be any more: overrides whose time is over or whose server has left, and
-- the counters of servers, upstreams and hosts that left.
local clock = require("orctl.lib.clock")
local counters = require("orctl.lib.counters")
local health = require("orctl.health.follow")
local leaving = require("orctl.state.leaving")
local left_names = require("orctl.metrics.left")
local lock = require("orctl.lib.lock")
local recent = require("orctl.metrics.recent")
local record = require("orctl.metrics.record")
local saved_overrides = require("orctl.state.saved_overrides")
local shared = require("orctl.state.shared")
local view = require("orctl.state.view")
local workers = require("orctl.state.workers")

local _M = {}

local MOST = 200 -- servers, upstreams and hosts that are forgotten at once

--- Ends overrides whose time is over.
function _M.end_overdue()
  local now = clock.boottime()
  local _, next_end = view.seen_overrides()
  if next_end and now >= next_end then
    saved_overrides.finish(function(_, _, entry)
      return not entry.ends or entry.ends > now
    end, " is over")
  end
end

--- Ends overrides of what is no longer in the document.
function _M.end_homeless()
  saved_overrides.finish(function(name, key, entry)
    local upstream = view.now().upstreams[name]
    return upstream and (entry.add or upstream.peers[key])
  end, " ends, as the server has left the document")
end

--- How many servers, upstreams and hosts have left and are not forgotten yet.
function _M.left_count()
  return leaving.count() + left_names.count()
end

--- What dead workers have left behind, and samples of the metrics.
function _M.sweep()
  record.sample()
  recent.note_fallen(counters.bury())
end

local function is_used(name, key)
  local upstream = view.now().upstreams[name]
  return upstream and upstream.peers[key]
end

local function is_named(kind, name)
  return kind == "host" and record.hosts()[name]
    or kind == "upstream" and view.now().upstreams[name]
end

-- Gives back the counters of some servers that left and whose last request has ended, and those of
-- some upstreams and hosts; if the generation is not the current one, nothing is done.
local function forget(generation)
  lock.alone(false, function()
    if generation == shared.generation() then
      leaving.forget(is_used, MOST)
      left_names.forget(is_named, MOST)
    end
  end)
end

--- Forgets some of what has left; it may be tens of thousands of servers.
function _M.forget_left()
  local generation = view.now().generation
  -- Only when no worker can send a request to a server that left are its counters free.
  if _M.left_count() > 0 and health.leads() and not view.is_building()
    and workers.all_have("generation", generation) then
    forget(generation)
  end
end

return _M
