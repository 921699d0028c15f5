-- Counts what a comparison of a token costs, wrong in its first byte and wrong in its last, in the real lua/orctl/admin/auth.lua with
-- nginx imitated: instructions of the interpreter, which are the same whatever else the machine does, and time, which is only told.
--   luajit tests/security/token_time.lua CALLS
local calls = tonumber(arg[1] or 100000)
local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/../../lua/?.lua;" .. package.path
-- luacheck: globals ngx
local request = {}
ngx = { var = request, header = {}, shared = { orctl_auth = { get = function() return 0 end, incr = function() end } } }
package.preload["orctl.lib.problem"] = function() return { send = function() return nil end } end
local auth = require("orctl.admin.auth")

local token = ("0123456789abcdef"):rep(4)
local path = os.tmpname()
local file = assert(io.open(path, "w"))
file:write(token, "\n")
file:close()
auth.init(path)
os.remove(path)

local function header(text) return "Bearer " .. text end
local first, last = header("X" .. token:sub(2)), header(token:sub(1, -2) .. "X")

local function instructions(value)
  local count = 0
  request.http_authorization = value
  jit.off()
  jit.flush()
  debug.sethook(function() count = count + 1 end, "", 1)
  auth.check()
  debug.sethook()
  jit.on()
  return count
end

local function seconds(value)
  request.http_authorization = value
  local start = os.clock()
  for _ = 1, calls / 100 do auth.check() end
  return os.clock() - start
end

request.http_authorization = header(token)
assert(auth.check() == true, "the right token is taken")
local a, b = instructions(first), instructions(last)
assert(a > 1000, "nothing was counted")
-- A hundred pairs, the order changing, so that a drift of the machine meets both.
local sum, squares = 0, 0
for i = 1, 100 do
  local x, y
  if i % 2 == 0 then x, y = seconds(first), seconds(last) else y, x = seconds(last), seconds(first) end
  sum, squares = sum + (x - y), squares + (x - y) ^ 2
end
local mean = sum / 100
local deviation = math.sqrt(math.max(squares / 100 - mean ^ 2, 1e-18) / 99)
print(("instructions: %d wrong in the first byte, %d in the last; time: %.2f sigma apart over %d calls of each"):format(a, b,
  math.abs(mean) / deviation, calls))
os.exit(a == b and 0 or 1)
