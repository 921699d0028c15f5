-- Reads one value from Redis (RESP2). Small and strict: a reply that is longer than it may be, or
-- that is no reply at all, is an error, and the connection is used for one reading only.
local _M = {}

local concat = table.concat

local LINE = 512 -- bytes of a reply that is one line
local CHUNK = 65536

local function command(...)
  local out = { ("*%d\r\n"):format(select("#", ...)) }
  for i, word in ipairs({ ... }) do
    out[i + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
  end
  return concat(out)
end

-- What Redis says may hold anything.
local function printable(text)
  return (text:sub(1, 200):gsub("[^ -~]", "?"))
end

-- A conversation: `rest` is what has been received and not yet used.
local function more(talk)
  local left = talk.deadline - talk.clock()
  if left <= 0 then
    return nil, "timeout"
  end
  talk.socket:settimeout(left * 1000)
  return talk.socket:receiveany(CHUNK)
end

local function read_line(talk)
  while true do
    local stop = talk.rest:find("\r\n", 1, true)
    if stop then
      local line = talk.rest:sub(1, stop - 1)
      talk.rest = talk.rest:sub(stop + 2)
      return line
    end
    if #talk.rest > LINE then
      return nil, "the reply is not Redis's"
    end
    local part, err = more(talk)
    if not part then
      return nil, err
    end
    talk.rest = talk.rest .. part
  end
end

local function read_bytes(talk, size)
  local parts, got = { talk.rest }, #talk.rest
  while got < size + 2 do
    local part, err = more(talk)
    if not part then
      return nil, err
    end
    parts[#parts + 1] = part
    got = got + #part
  end
  local all = concat(parts)
  if all:sub(size + 1) ~= "\r\n" then
    return nil, "the reply is not Redis's"
  end
  return all:sub(1, size)
end

-- The line of a reply without its first character, which must be `kind`; nil, what went wrong, and
-- whether it was Redis that said so.
local function ask(talk, kind, ...)
  local left = talk.deadline - talk.clock()
  talk.socket:settimeout(math.max(left, 0.001) * 1000)
  local ok, err = talk.socket:send(command(...))
  local line
  if ok then
    line, err = read_line(talk)
  end
  if not line then
    return nil, err
  end
  if line:sub(1, 1) == "-" then
    return nil, printable(line:sub(2)), true
  end
  if line:sub(1, 1) ~= kind then
    return nil, "the reply is not Redis's"
  end
  return line:sub(2)
end

local function enter(talk, options)
  if options.password then
    local ok, err, refused = ask(talk, "+", "AUTH", options.password)
    if not ok then
      -- A Redis that does not know the command repeats its arguments: nothing but the code is told.
      return nil, "AUTH: " .. (refused and err:match("^%u+") or not refused and err or "refused")
    end
  end
  if (options.database or 0) ~= 0 then
    local ok, err = ask(talk, "+", "SELECT", tostring(options.database))
    if not ok then
      return nil, "SELECT: " .. err
    end
  end
  return true
end

local function read(talk, options)
  local ok, err = talk.socket:connect(options.host, options.port)
  if not ok then
    return nil, "connect: " .. err
  end
  if options.tls then
    talk.socket:settimeout(math.max(talk.deadline - talk.clock(), 0.001) * 1000)
    ok, err = talk.socket:sslhandshake(false, options.tls.name, options.tls.verify)
    if not ok then
      return nil, "TLS: " .. printable(tostring(err))
    end
  end
  ok, err = enter(talk, options)
  if not ok then
    return nil, err
  end
  local head
  head, err = ask(talk, "$", "GET", options.key)
  if not head then
    return nil, "GET: " .. err
  end
  if head == "-1" then
    return nil, "GET: there is no such key"
  end
  local size = head:find("^%d+$") and #head < 16 and tonumber(head)
  if not size then
    return nil, "GET: the reply is not Redis's"
  end
  if size > options.limit then
    return nil, ("GET: the value has %d bytes, and %d are the most"):format(size, options.limit)
  end
  local bytes
  bytes, err = read_bytes(talk, size)
  return bytes, err and "GET: " .. err
end

--- The value of a key; else nil and what went wrong. `options` are host, port, key, timeout (for
-- all of it, in seconds), limit (bytes of a value), and if wanted password, database and tls
-- ({name, verify}); `clock` tells seconds.
function _M.get(options, clock)
  local socket = ngx.socket.tcp()
  socket:settimeout(options.timeout * 1000)
  local talk = { socket = socket, rest = "", clock = clock, deadline = clock() + options.timeout }
  local bytes, err = read(talk, options)
  socket:close()
  return bytes, err
end

return _M
