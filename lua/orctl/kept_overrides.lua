-- Changes of the overrides: under the lock, into the file first, then for all workers to see.
local overrides = require("orctl.overrides")
local saved = require("orctl.saved")
local store = require("orctl.store")

local _M = {}

--- Replaces the override of a server by what step(entry) returns: nil ends it, false and a reason
-- refuse. Returns the new entry, nil for none; or false and "busy", "full", "unsaved" and why, or
-- the reason of step().
function _M.set(name, key, step)
  local entry
  local result, reason, err = store.change_overrides(true, function(all)
    local known = all.upstreams[name]
    local why
    entry, why = step(known and known.servers[key])
    if entry == false then
      return nil, why
    end
    local after = { version = all.version + 1,
      upstreams = overrides.set(all.upstreams, name, key, entry, all.version + 1) }
    local ok, failure = saved.keep_overrides(after)
    if not ok then
      return nil, "unsaved", failure
    end
    return after
  end)
  if not result then
    return false, reason, err
  end
  return entry
end

--- Ends the overrides for which stays(name, key, entry) is not true; `why` goes to the log.
function _M.finish(stays, why)
  store.change_overrides(true, function(all)
    local left, gone = overrides.filter(all.upstreams, stays)
    if not gone[1] then
      return all
    end
    for _, one in ipairs(gone) do
      ngx.log(ngx.WARN, "override of server ", one.key, " of upstream ", one.upstream, why)
    end
    local after = { version = all.version + 1, upstreams = left }
    local ok, err = saved.keep_overrides(after)
    if not ok then
      -- They end nevertheless: what the file holds too much ends again at the next start.
      ngx.log(ngx.ERR, "overrides are not saved: ", err)
    end
    return after
  end)
end

return _M
