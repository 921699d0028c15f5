-- A connection to a server that is checked, in the clear or with TLS.
local _M = {}

--- A socket, or nil and what went wrong. `limit` is in seconds and holds for every later step too.
function _M.open(server, settings, limit)
  local socket = ngx.socket.tcp()
  socket:settimeout(limit * 1000)
  local ok, err = socket:connect(server.host, server.port)
  if not ok then
    return nil, err
  end
  if settings.tls then
    -- False: no session is kept, each check shows that a handshake is possible.
    local name = settings.tls_server_name or settings.host and settings.host:match("^[^:]+")
    ok, err = socket:sslhandshake(false, name, settings.tls_verify)
    if not ok then
      socket:close()
      return nil, "TLS: " .. tostring(err)
    end
  end
  return socket
end

--- Reads until `enough(text)` gives a verdict, which is returned, or `most` bytes are read, or the
-- server has said all: then `enough(text, true)` is asked. Nil and the reason if reading failed.
function _M.read_until(socket, most, enough)
  local parts, text, size = {}, "", 0
  while size < most do
    local part, err = socket:receiveany(most - size)
    if not part then
      if err ~= "closed" then
        return nil, err
      end
      break
    end
    parts[#parts + 1], size = part, size + #part
    text = table.concat(parts)
    parts = { text }
    local verdict, reason = enough(text, false)
    if verdict ~= nil then
      return verdict, reason
    end
  end
  return enough(text, true)
end

return _M
