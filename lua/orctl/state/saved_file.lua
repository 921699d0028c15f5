-- What must outlive the process, in files that are old or new and never half. A file is a line that
-- names its kind, length and digest, and then the bytes that were given.
local ffi = require("ffi")
local pace = require("orctl.lib.pace")
local sha256 = require("orctl.lib.sha256")

local _M = {}

ffi.cdef([[
int open(const char *path, int flags, ...);
long write(int fd, const void *data, size_t size);
int fsync(int fd);
int close(int fd);
int flock(int fd, int operation);
int rename(const char *from, const char *to);
int unlink(const char *path);
char *strerror(int error);
]])

local C = ffi.C
local MAGIC = "orctl-state 1"
local EINTR, EAGAIN = 4, 11
local LOCK_EX, LOCK_NB = 2, 4
local STEP, WAIT = 0.002, 2 -- seconds
local O_WRONLY, O_CREAT, O_TRUNC, O_CLOEXEC = 1, 64, 512, 524288 -- Linux

local function reason(what)
  return what .. ": " .. ffi.string(C.strerror(ffi.errno()))
end

local function write_all(fd, bytes)
  local data, left = ffi.cast("const char *", bytes), #bytes
  while left > 0 do
    local written = tonumber(C.write(fd, data, left))
    if written > 0 then
      data, left = data + written, left - written
    elseif ffi.errno() ~= EINTR then
      return false
    end
  end
  return true
end

local function write_file(path, bytes)
  local fd = C.open(path, O_WRONLY + O_CREAT + O_TRUNC + O_CLOEXEC, ffi.cast("int", 384)) -- 0600
  if fd < 0 then
    return nil, reason("open")
  end
  local err = not write_all(fd, bytes) and reason("write") or C.fsync(fd) ~= 0 and reason("fsync")
  -- close() tells of a write that failed late, too.
  if C.close(fd) ~= 0 and not err then
    err = reason("close")
  end
  return not err, err or nil
end

local function sync_folder(path)
  local fd = C.open(path:match("^(.*)/[^/]*$") .. "/.", O_CLOEXEC)
  if fd < 0 then
    return nil, reason("open folder")
  end
  local ok = C.fsync(fd) == 0
  local err = not ok and reason("fsync folder") or nil
  C.close(fd)
  return ok, err
end

-- Takes the lock of a folder, which ends with the process: a descriptor; nil and why not.
local function lock(folder)
  local fd = C.open(folder .. "/.", O_CLOEXEC)
  if fd < 0 then
    return nil, folder .. ": " .. reason("open")
  end
  local waited = 0
  while C.flock(fd, LOCK_EX + LOCK_NB) ~= 0 do
    local held = ffi.errno() == EAGAIN
    if not held or waited > WAIT then
      local err = held and "another process of the instance writes there" or reason("flock")
      C.close(fd)
      return nil, folder .. ": " .. err
    end
    ngx.sleep(STEP)
    waited = waited + STEP
  end
  return fd
end

--- What step() returns, run while no other process writes in the folder: two masters share it while
-- nginx is upgraded, and each has a shared dictionary and so a lock of its own. Nil and why not.
-- step() must not yield, and is not asked to by pace.step().
function _M.alone(folder, step)
  local fd, err = lock(folder)
  if not fd then
    return nil, err
  end
  local ok, first, second, third = pace.at_once(pcall, step)
  C.close(fd)
  if not ok then
    error(first, 0)
  end
  return first, second, third
end

--- Puts `payload` at `path`, durable when this returns the head of the new file; else nil and the
-- reason, and what was there before is whole. One writer at a time: call it in alone().
function _M.save(path, kind, payload)
  local head = ("%s %s %d %s"):format(MAGIC, kind, #payload, sha256.hex(payload))
  local staged = path .. ".new"
  local ok, err = write_file(staged, head .. "\n" .. payload)
  if ok and C.rename(staged, path) ~= 0 then
    ok, err = nil, reason("rename")
  end
  if not ok then
    C.unlink(staged)
    return nil, path .. ": " .. err
  end
  ok, err = sync_folder(path)
  return ok and head, err and path .. ": " .. err
end

--- The first line of the file at `path`, which no other payload has; nil if there is no file.
function _M.head(path)
  local file = io.open(path, "rb")
  local line = file and file:read("*l")
  if file then file:close() end
  return line
end

--- The payload of the file at `path`, and its head; nil if there is no file; nil and the reason if
-- there is one that cannot be trusted.
function _M.load(path, kind)
  local file, err, code = io.open(path, "rb")
  if not file then
    return nil, code ~= 2 and err or nil -- ENOENT
  end
  local bytes = file:read("*a")
  file:close()
  if not bytes or bytes == "" then
    return nil, path .. ": empty"
  end
  local magic, of, length, digest, rest = bytes:match("^(orctl%-state %d+) (%l+) (%d+) (%x+)\n()")
  if not magic then
    return nil, path .. ": not a file of the gateway"
  elseif magic ~= MAGIC or of ~= kind then
    return nil, ("%s: holds %s %s, wanted %s %s"):format(path, magic, of, MAGIC, kind)
  end
  local payload = bytes:sub(rest)
  if #payload ~= tonumber(length) or sha256.hex(payload) ~= digest then
    return nil, path .. ": torn, length or digest is not what its first line says"
  end
  return payload, bytes:sub(1, rest - 2)
end

--- Removes the file at `path`, if it is there.
function _M.remove(path)
  C.unlink(path)
end

return _M
