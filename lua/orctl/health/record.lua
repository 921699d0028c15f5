-- What is known of the servers' health, in the shared dictionary: written by the worker that
-- probes, read by all. A server has a state, which changes when it goes down or comes up, and its
-- last probes, which change with each of them.
--
-- A worker follows changes one by one: each has a number, and one of a ring of places says which
-- server it was about. A place that holds another number has been overtaken.
local json = require("orctl.lib.json")

local _M = {}

-- The dictionary outlives a reload that brings other Lua: another layout takes another prefix.
local P = "health/1/"
local CHANGES = P .. "changes"
local PLACES = 256

local dict = ngx.shared.orctl

local function state_key(name, key) return P .. "state/" .. name .. "/" .. key end
local function probes_key(name, key) return P .. "probes/" .. name .. "/" .. key end
local function place_key(number) return P .. "change/" .. number % PLACES end

local function read(key)
  local text = dict:get(key)
  return text and json.unpack(text)
end

--- State of a server {down, ejected, since, reason, bad, flap, outlier}; nil if nothing ever
-- happened to it.
function _M.state(name, key)
  return read(state_key(name, key))
end

--- What that state, or none, makes of a server of an upstream: "up", "down" or "ejected".
function _M.state_name(upstream, state)
  if not state then
    return "up"
  elseif upstream.health and state.down then
    return "down"
  end
  return upstream.outlier and state.ejected and "ejected" or "up"
end

--- Keeps the state of a server; `changed` says that workers must look at it. Nil and the reason if
-- there is no room.
function _M.set_state(name, key, value, changed)
  local ok, err = dict:safe_set(state_key(name, key), json.pack(value))
  if not ok then
    return nil, err
  end
  if changed then
    dict:safe_add(CHANGES, 0)
    local number = dict:incr(CHANGES, 1)
    if number then
      dict:safe_set(place_key(number), number .. " " .. name .. "/" .. key)
    end
  end
  return true
end

--- Number of the last change.
function _M.last_change()
  return dict:get(CHANGES) or 0
end

--- Upstream and key of the server that a change was about; nil if that is no longer known.
function _M.change(number)
  local found, name, key = (dict:get(place_key(number)) or ""):match("^(%d+) ([^/]+)/(.+)$")
  if found and tonumber(found) == number then
    return name, key
  end
end

--- The last probes of a server as probes_text() made them; nil before the first.
function _M.probes(name, key)
  return read(probes_key(name, key))
end

--- Keeps the last probes of a server.
function _M.set_probes(name, key, text)
  local place = probes_key(name, key)
  if not dict:safe_set(place, text) then
    dict:delete(place) -- better none than old ones
  end
end

--- One probe as a line of text: {check, ok, at, seconds, error}.
function _M.line(check, ok, at, seconds, err)
  return json.pack({ check, ok, at, math.floor(seconds * 1e6) / 1e6, err })
end

--- The probes of a server as text: how many there were, how many failed, the last line of each
-- check, and the last lines of all. Lines are text already, so that a probe packs only its own.
function _M.probes_text(total, failed, last, history)
  return ('{"total":%d,"failed":%d,"last":[%s],"history":[%s]}'):format(total, failed,
    table.concat(last, ","), table.concat(history, ","))
end

--- Removes all that is known of a server.
function _M.forget(name, key)
  dict:delete(state_key(name, key))
  dict:delete(probes_key(name, key))
end

return _M
