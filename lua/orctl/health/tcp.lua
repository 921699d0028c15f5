-- A server is well if it takes a connection and, if that is asked, answers to `send` with what
-- matches `expect`.
local connect = require("orctl.health.connect")

local _M = {}

local MOST = 4096

--- True, or false and what went wrong.
function _M.check(server, settings, limit)
  local socket, err = connect.open(server, settings, limit)
  if not socket then
    return false, err
  end
  local ok = true
  if settings.send then
    ok, err = socket:send(settings.send)
  end
  if ok and settings.expect then
    ok, err = connect.read_until(socket, MOST, function(text, whole)
      if ngx.re.find(text, settings.expect, "jo") then
        return true
      end
      if whole then
        return false, text == "" and "no answer" or "the answer does not match"
      end
    end)
  end
  socket:close()
  return ok or false, err
end

return _M
