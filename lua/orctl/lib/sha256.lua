-- SHA-256 as lower-case hex: by the libcrypto that nginx already holds, else in Lua. Pure.
local bit = require("bit")
local ffi = require("ffi")
local step = require("orctl.lib.pace").step

local _M = {}

local band, bnot, bxor, ror = bit.band, bit.bnot, bit.bxor, bit.ror
local rshift, tobit, tohex = bit.rshift, bit.tobit, bit.tohex
local byte, char, floor = string.byte, string.char, math.floor

-- Under names of our own: other modules may have declared these with a type of the context.
ffi.cdef([[
int orctl_sha256_init(void *context) __asm__("SHA256_Init");
int orctl_sha256_update(void *context, const char *data, size_t size) __asm__("SHA256_Update");
int orctl_sha256_final(unsigned char *digest, void *context) __asm__("SHA256_Final");
]])

local CONTEXT = 256 -- bytes, of which it needs half
local PART = 65536  -- bytes between two looks at the pace
local ITEM = 2048   -- bytes that count as one item of work

local has_library = pcall(function() return ffi.C.orctl_sha256_final end)

local function hex(text)
  return (text:gsub(".", function(c) return ("%02x"):format(byte(c)) end))
end

--- By libcrypto; nil if this nginx was built without it.
function _M.library(text)
  if not has_library then
    return nil
  end
  local digest, context = ffi.new("unsigned char[32]"), ffi.new("uint64_t[?]", CONTEXT / 8)
  local data = ffi.cast("const char *", text)
  ffi.C.orctl_sha256_init(context)
  for at = 0, #text - 1, PART do
    local size = math.min(PART, #text - at)
    ffi.C.orctl_sha256_update(context, data + at, size)
    step(size / ITEM)
  end
  ffi.C.orctl_sha256_final(digest, context)
  return hex(ffi.string(digest, 32))
end

-- The first 32 bits of the fractional parts of the roots of the first primes (FIPS 180-4).
local function constants()
  local k, h, n = {}, {}, 2
  while #k < 64 do
    local prime = true
    for i = 2, floor(n ^ 0.5) do
      if n % i == 0 then prime = false; break end
    end
    if prime then
      local cube, square = n ^ (1 / 3), n ^ 0.5
      k[#k + 1] = tobit(floor((cube - floor(cube)) * 2 ^ 32))
      if #h < 8 then
        h[#h + 1] = tobit(floor((square - floor(square)) * 2 ^ 32))
      end
    end
    n = n + 1
  end
  return k, h
end

local K, H = constants()

local function block(state, w, text, at)
  for i = 0, 15 do
    local a, b, c, d = byte(text, at + i * 4, at + i * 4 + 3)
    w[i] = tobit(a * 16777216 + b * 65536 + c * 256 + d)
  end
  for i = 16, 63 do
    local x, y = w[i - 15], w[i - 2]
    local s0 = bxor(ror(x, 7), ror(x, 18), rshift(x, 3))
    local s1 = bxor(ror(y, 17), ror(y, 19), rshift(y, 10))
    w[i] = tobit(w[i - 16] + s0 + w[i - 7] + s1)
  end
  local a, b, c, d = state[1], state[2], state[3], state[4]
  local e, f, g, h = state[5], state[6], state[7], state[8]
  for i = 0, 63 do
    local s1 = bxor(ror(e, 6), ror(e, 11), ror(e, 25))
    local choice = bxor(band(e, f), band(bnot(e), g))
    local t1 = tobit(h + s1 + choice + K[i + 1] + w[i])
    local s0 = bxor(ror(a, 2), ror(a, 13), ror(a, 22))
    local majority = bxor(band(a, b), band(a, c), band(b, c))
    h, g, f, e = g, f, e, tobit(d + t1)
    d, c, b, a = c, b, a, tobit(t1 + s0 + majority)
  end
  local added = { a, b, c, d, e, f, g, h }
  for i = 1, 8 do
    state[i] = tobit(state[i] + added[i])
  end
end

--- By Lua alone.
function _M.pure(text)
  local size = #text
  local tail = { "\128", ("\0"):rep((55 - size) % 64) }
  local bits = size * 8
  for i = 7, 0, -1 do
    tail[#tail + 1] = char(floor(bits / 256 ^ i) % 256)
  end
  -- The text itself is not copied: only its last, incomplete block is.
  local whole = size - size % 64
  local last = text:sub(whole + 1) .. table.concat(tail)
  local state, w = { unpack(H) }, {}
  for at = 1, whole, 64 do block(state, w, text, at) end
  for at = 1, #last, 64 do block(state, w, last, at) end
  for i = 1, 8 do state[i] = tohex(state[i]) end
  return table.concat(state)
end

--- Lower-case hex SHA-256 of a string.
_M.hex = has_library and _M.library or _M.pure

return _M
