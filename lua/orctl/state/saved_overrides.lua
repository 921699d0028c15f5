-- Changes of the overrides: under the lock, into the file first, then for all workers to see.
--
-- The file is the truth, and the dictionary is what this master has taken of it: while nginx is
-- upgraded two masters serve, each with a dictionary of its own, and a change that one of them has
-- acknowledged must not end with it. So each change begins with what the file holds by then, and
-- the worker that leads looks at every tick whether another process has written there.
local overrides = require("orctl.state.overrides")
local saved = require("orctl.state.saved")
local shared = require("orctl.state.shared")

local _M = {}

local refused  -- the head of a file that cannot be trusted, of which that was said
local followed -- the head of the file that the dictionary was compared with last

local function read(head)
  local found, err = saved.overrides()
  if err then
    refused = head
    ngx.log(ngx.ERR, "the saved overrides are refused: ", err)
  end
  return found
end

-- `all`, which the dictionary holds, or what another process has written into the file since.
local function newest(all)
  local head = saved.overrides_head()
  local found = head and head ~= all.head and head ~= refused and read(head)
  if not found then
    return all
  end
  -- Each process counts for itself: a number that both have used must not hide a difference.
  found.version = math.max(found.version, all.version) + 1
  for _, upstream in pairs(found.upstreams) do
    upstream.version = found.version
  end
  return found
end

-- Replaces the overrides by what step(all, can_keep) returns, as shared.change_overrides() does;
-- nobody else writes the file meanwhile, unless `can_keep` is nil and why not.
local function change(step)
  local before, can_keep, why
  local function put(known)
    before = newest(known)
    return step(before, can_keep, why)
  end
  return shared.change_overrides(true, put, function(set)
    local result, reason, err = saved.alone(function()
      can_keep = true
      local after, failure, detail = set()
      if not after and failure == "full" then
        saved.keep_overrides(before) -- what was refused must not come back at a start
      end
      return after, failure, detail
    end)
    if can_keep then
      return result, reason, err
    end
    why = reason
    return set()
  end)
end

--- In the master, when it starts: takes over what the file holds.
function _M.start()
  local all = read(saved.overrides_head())
  if all then
    shared.set_note("overrides", all)
  end
end

--- Takes over what another process has written into the file; without waiting for anything.
function _M.follow()
  local head = saved.overrides_head()
  if not head or head == followed then
    return
  end
  if shared.change_overrides(false, newest) then
    followed = head
  end
end

--- Replaces the override of a server by what step(entry) returns: nil ends it, false and a reason
-- refuse. Returns the new entry, nil for none; or false and "busy", "full", "unsaved" and why, or
-- the reason of step().
function _M.set(name, key, step)
  local entry
  local result, reason, err = change(function(all, can_keep, why)
    if not can_keep then
      return nil, "unsaved", why
    end
    local known = all.upstreams[name]
    local refusal
    entry, refusal = step(known and known.servers[key])
    if entry == false then
      return nil, refusal
    end
    local after = { version = all.version + 1,
      upstreams = overrides.set(all.upstreams, name, key, entry, all.version + 1) }
    local head, failure = saved.keep_overrides(after)
    if not head then
      return nil, "unsaved", failure
    end
    after.head = head
    return after
  end)
  if not result then
    return false, reason, err
  end
  return entry
end

--- Ends the overrides for which stays(name, key, entry) is not true; `why` goes to the log.
function _M.finish(stays, why)
  change(function(all, can_keep, err)
    local left, gone = overrides.filter(all.upstreams, stays)
    if not gone[1] then
      return all
    end
    for _, one in ipairs(gone) do
      ngx.log(ngx.WARN, "override of server ", one.key, " of upstream ", one.upstream, why)
    end
    local after, head = { version = all.version + 1, upstreams = left }, nil
    if can_keep then
      head, err = saved.keep_overrides(after)
    end
    if not head then
      -- They end nevertheless: what the file holds too much ends again at the next start.
      ngx.log(ngx.ERR, "overrides are not saved: ", err)
    end
    after.head = head or all.head
    return after
  end)
end

return _M
