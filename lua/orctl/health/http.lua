-- A server is well if it answers a GET with 2xx or 3xx.
local _M = {}

-- Enough of "HTTP/1.1 200 OK" to know the status. No more is read: a server cannot fill memory.
local ENOUGH = 12

local function receive_status(socket)
  local text = ""
  while #text < ENOUGH do
    local part, err = socket:receiveany(ENOUGH - #text)
    if not part then
      return nil, err
    end
    text = text .. part
  end
  return tonumber(text:match("^HTTP/1%.%d (%d%d%d)")), "the answer is not HTTP"
end

--- True, or false and what went wrong. `timeout`, in seconds, is for each of connect and answer.
function _M.check(host, port, timeout, path)
  local socket = ngx.socket.tcp()
  socket:settimeout(timeout * 1000)
  local ok, err = socket:connect(host, port)
  if not ok then
    return false, err
  end
  local status
  ok, err = socket:send(("GET %s HTTP/1.0\r\nHost: %s:%d\r\nUser-Agent: orctl\r\n"
    .. "Connection: close\r\n\r\n"):format(path, host, port))
  if ok then
    status, err = receive_status(socket)
  end
  socket:close()
  if not status then
    return false, err
  end
  return status >= 200 and status < 400, "status " .. status
end

return _M
