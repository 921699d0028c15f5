-- Time that no change of the wall clock moves: seconds since boot, suspended ones included.
local ffi = require("ffi")

local _M = {}

ffi.cdef([[
struct orctl_timespec { long seconds; long nanoseconds; };
int clock_gettime(int clock, struct orctl_timespec *time);
]])

local CLOCK_BOOTTIME = 7
local time = ffi.new("struct orctl_timespec")

--- Seconds since boot.
function _M.boottime()
  ffi.C.clock_gettime(CLOCK_BOOTTIME, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

--- Names this boot: boottime() of another one means nothing.
function _M.boot_id()
  local file = io.open("/proc/sys/kernel/random/boot_id")
  local id = file and file:read("*l") or ""
  if file then file:close() end
  return id
end

--- A time of the wall clock, in seconds, as RFC 3339 writes it.
function _M.rfc3339(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(seconds))
end

return _M
