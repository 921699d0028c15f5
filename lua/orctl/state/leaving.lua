-- Servers that left an upstream while requests may still be with them: they keep their counters
-- until the last one has ended. Called under the lock, but for what only looks.
local counters = require("orctl.lib.counters")

local _M = {}

local NAMES = "1/leaving"

local dict = ngx.shared.orctl

local function list_key(name) return NAMES .. "/" .. name end

--- Notes that servers left: a list of their keys.
function _M.note(name, keys)
  local place = list_key(name)
  local list, more = dict:get(place), table.concat(keys, " ")
  if dict:safe_set(place, list and list .. " " .. more or more) and not list then
    dict:lpush(NAMES, name)
  end
end

--- Keys of the servers that left an upstream and are not forgotten yet.
function _M.of(name)
  local keys = {}
  for key in (dict:get(list_key(name)) or ""):gmatch("%S+") do
    keys[#keys + 1] = key
  end
  return keys
end

--- Number of upstreams with such servers.
function _M.count()
  return dict:llen(NAMES) or 0
end

-- Looks at the first `most` servers of an upstream; how many there were.
local function forget(name, is_used, most)
  local text, kept, at, count = dict:get(list_key(name)) or "", {}, 1, 0
  for key, after in text:gmatch("(%S+)()") do
    local id = name .. "/" .. key
    local b = not is_used(name, key) and counters.find("peer", id)
    if b and counters.sum(b, counters.IN_FLIGHT) > 0 then
      kept[#kept + 1] = key
    elseif b then
      counters.release("peer", id)
    end
    at, count = after, count + 1
    if count == most then break end
  end
  kept[#kept + 1] = text:match("^%s*(%S.*)$", at)
  if kept[1] then
    dict:safe_set(list_key(name), table.concat(kept, " "))
    dict:lpush(NAMES, name)
  else
    dict:delete(list_key(name))
  end
  return count
end

--- Gives back the counters of those whose last request has ended; looks at `most` servers at most.
-- is_used(name, key) knows who has come again. Only when no worker can send a request to one of
-- them.
function _M.forget(is_used, most)
  local count = 0
  for _ = 1, _M.count() do
    if count >= most then break end
    count = count + 1 + forget(dict:rpop(NAMES), is_used, most - count)
  end
end

return _M
