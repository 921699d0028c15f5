-- A server is well if it takes a connection.
local _M = {}

--- True, or false and what went wrong. `timeout` in seconds.
function _M.check(host, port, timeout)
  local socket = ngx.socket.tcp()
  socket:settimeout(timeout * 1000)
  local ok, err = socket:connect(host, port)
  if not ok then
    return false, err
  end
  socket:close()
  return true
end

return _M
