-- What must outlive the process, in files that are old or new and never half. A file is a line that
-- names its kind, length and digest, and then the bytes that were given.
local ffi = require("ffi")
local sha256 = require("orctl.sha256")

local _M = {}

ffi.cdef([[
int open(const char *path, int flags, ...);
long write(int fd, const void *data, size_t size);
int fsync(int fd);
int close(int fd);
int rename(const char *from, const char *to);
int unlink(const char *path);
char *strerror(int error);
]])

local C = ffi.C
local MAGIC = "orctl-state 1"
local EINTR = 4
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

--- Puts `payload` at `path`, durable when this returns true; else nil and the reason, and what was
-- there before is whole. One writer at a time: the caller holds the lock of the store.
function _M.save(path, kind, payload)
  local head = ("%s %s %d %s\n"):format(MAGIC, kind, #payload, sha256.hex(payload))
  local staged = path .. ".new"
  local ok, err = write_file(staged, head .. payload)
  if ok and C.rename(staged, path) ~= 0 then
    ok, err = nil, reason("rename")
  end
  if not ok then
    C.unlink(staged)
    return nil, path .. ": " .. err
  end
  ok, err = sync_folder(path)
  return ok, err and path .. ": " .. err
end

--- The payload of the file at `path`; nil if there is no file; nil and the reason if there is one
-- that cannot be trusted.
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
  return payload
end

--- Removes the file at `path`, if it is there.
function _M.remove(path)
  C.unlink(path)
end

return _M
