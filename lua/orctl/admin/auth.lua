-- Who may use the admin endpoint over TCP: the bearer of a token. The tokens stand in a file, one a
-- line, two at most, so that one can be replaced while the other is still in use. The master reads
-- them at start and at reload; workers hold only digests made with a key of this process.
local problem = require("orctl.lib.problem")
local sha256 = require("orctl.lib.sha256")

local _M = {}

local var = ngx.var

local MOST_TOKENS, SHORTEST, LONGEST = 2, 32, 256
local MOST_FAILURES, WINDOW = 10, 60 -- of one client, in seconds

local failures = ngx.shared.orctl_auth
local key
local digests = {}

-- Digests under a key that nobody outside knows: how long a comparison takes tells nothing.
local function digest(token)
  return sha256.hex(key .. token)
end

local function random_bytes()
  local file = assert(io.open("/dev/urandom", "rb"))
  local bytes = file:read(32)
  file:close()
  return bytes
end

--- In the master: reads the tokens, or raises why they are of no use.
function _M.init(path)
  local file, err = io.open(path, "r")
  if not file then
    error("admin.token_file: " .. err, 0)
  end
  key, digests = random_bytes(), {}
  for line in file:lines() do
    local token = line:match("^%s*(.-)%s*$")
    if token ~= "" then
      if #token < SHORTEST or #token > LONGEST or token:find("[^!-~]") then
        error(("admin.token_file: %s: a token is %d to %d printable characters; make one with "
          .. "`openssl rand -hex 32`"):format(path, SHORTEST, LONGEST), 0)
      end
      digests[digest(token)] = true
      digests[#digests + 1] = true
    end
  end
  file:close()
  if #digests < 1 or #digests > MOST_TOKENS then
    error(("admin.token_file: %s: holds %d tokens, one a line; one or two are wanted")
      :format(path, #digests), 0)
  end
end

--- True if the current request carries a token; else a problem was sent. Wrong ones are limited,
-- but a right one is let in whatever came before it: a stranger, or whoever shares the client's
-- address, must not lock the operator out.
function _M.check()
  local token = (var.http_authorization or ""):match("^[Bb]earer +(%S+)$")
  if token and digests[digest(token)] then
    return true
  end
  local client = var.binary_remote_addr
  if (failures:get(client) or 0) >= MOST_FAILURES then
    ngx.header["Retry-After"] = WINDOW
    return problem.send(429, "too many wrong tokens; a right one is let in")
  end
  failures:incr(client, 1, 0, WINDOW)
  ngx.header["WWW-Authenticate"] = "Bearer"
  return problem.send(401, "a token of admin.token_file is wanted: Authorization: Bearer TOKEN")
end

return _M
