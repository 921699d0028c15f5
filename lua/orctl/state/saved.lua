-- The state folder of an instance: the document kept by `x-save: 1`, and the overrides.
local clock = require("orctl.lib.clock")
local json = require("orctl.lib.json")
local overrides = require("orctl.state.overrides")
local saved_file = require("orctl.state.saved_file")

local _M = {}

local folder, name -- of the instance

local function document_path() return folder .. "/document" end
local function overrides_path() return folder .. "/overrides" end

--- In the master.
function _M.init(state_folder, instance_name)
  folder, name = state_folder, instance_name
end

--- Keeps `bytes`, a document that goes before the tree's one as long as that has the digest `base`.
-- True, or nil and why not.
function _M.keep_document(bytes, base)
  local head = json.encode({ name = name, base = base })
  return saved_file.alone(folder, function()
    return saved_file.save(document_path(), "document", head .. "\n" .. bytes)
  end)
end

--- Removes the document kept, as the tree has a newer one.
function _M.drop_document()
  saved_file.remove(document_path())
end

--- The document kept; nil if there is none; nil and the reason if the one there is must not be
-- served. `base` is the digest of the tree's document.
function _M.document(base)
  local payload, err = saved_file.load(document_path(), "document")
  if not payload then
    return nil, err
  end
  local line, bytes = payload:match("^([^\n]*)\n(.*)$")
  local head = json.decode(line or "")
  if type(head) ~= "table" then
    return nil, document_path() .. ": its head is not JSON"
  elseif head.name ~= name then
    return nil, document_path() .. ": belongs to another instance"
  elseif head.base ~= base then
    return nil, document_path() .. ": old: the tree has another document since"
  end
  return bytes
end

--- What step() returns, run while no other process changes what is kept; nil and why not.
function _M.alone(step)
  return saved_file.alone(folder, step)
end

--- Keeps the overrides, {version, upstreams}; call it in alone(). The head of the file, which names
-- what it holds, or nil and why not.
function _M.keep_overrides(all)
  local text = json.pack({ name = name, boot_id = clock.boot_id(), now = clock.boottime(),
    wall = ngx.time(), overrides = { version = all.version, upstreams = all.upstreams } })
  return saved_file.save(overrides_path(), "overrides", text)
end

--- The head of the file that holds the overrides; nil if there is none.
function _M.overrides_head()
  return saved_file.head(overrides_path())
end

local function is_time(value)
  return type(value) == "number" and math.abs(value) < 1e11
end

--- The overrides kept, with the `head` of their file; nil if there are none; nil and the reason if
-- they cannot be trusted.
function _M.overrides()
  local payload, result = saved_file.load(overrides_path(), "overrides")
  if not payload then
    return nil, result
  end
  local value = json.unpack(payload)
  local all = type(value) == "table" and value.overrides
  if not overrides.is_sound(all) or not is_time(value.now) or not is_time(value.wall) then
    return nil, overrides_path() .. ": holds no overrides"
  elseif value.name ~= name then
    return nil, overrides_path() .. ": belongs to another instance"
  end
  overrides.resume(all.upstreams, value, clock.boot_id(), clock.boottime(), ngx.time())
  all.head = result
  return all
end

return _M
