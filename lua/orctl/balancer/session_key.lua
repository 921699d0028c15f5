-- The key under which an instance names servers to its clients. It is made once, by a worker, and
-- lies in the state folder, so that workers, reloads, restarts and an upgrade of nginx agree; it is
-- nobody else's, so that no client can tell or make up what a name stands for.
local bit = require("bit")

local sha256 = require("orctl.lib.sha256")
local saved_file = require("orctl.state.saved_file")

local _M = {}

local NOTE, KIND, SIZE = "session_key/1", "session", 64 -- characters

local dict = ngx.shared.orctl
local path
local inner, outer -- the two blocks of HMAC (RFC 2104)

local function random_key()
  local file = assert(io.open("/dev/urandom", "rb"))
  local bytes = file:read(SIZE)
  file:close()
  return sha256.hex(bytes)
end

local function kept()
  local key, err = saved_file.load(path, KIND)
  if key and not key:find("^%x+$") or key and #key ~= SIZE then
    key, err = nil, path .. ": holds no key"
  end
  if err then
    ngx.log(ngx.ERR, "sessions begin anew: ", err)
  end
  return key
end

-- Of workers that start together, the one whose key gets into the dictionary keeps it.
local function agree()
  local known = dict:get(NOTE)
  if known then
    return known
  end
  local old = kept()
  local key = old or random_key()
  if not dict:safe_add(NOTE, key) then
    return dict:get(NOTE) or key
  end
  local ok, err = old, nil
  if not old then
    ok, err = saved_file.save(path, KIND, key)
  end
  if not ok then
    ngx.log(ngx.ERR, "sessions will not outlive nginx: ", err)
  end
  return key
end

local function pad(key, with)
  return (key:gsub(".", function(char) return string.char(bit.bxor(char:byte(), with)) end))
end

--- In the master: the folder of what outlives the process.
function _M.init(folder)
  path, inner, outer = folder .. "/session_key", nil, nil
end

--- In a worker: what stands for `text` where clients see it, 32 hex digits.
function _M.digest(text)
  if not inner then
    local key = agree()
    inner, outer = pad(key, 0x36), pad(key, 0x5c)
  end
  return sha256.hex(outer .. sha256.hex(inner .. text)):sub(1, 32)
end

return _M
