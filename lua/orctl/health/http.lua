-- A server is well if it answers a request with one of the status codes that are expected, and
-- with a body that matches.
local connect = require("orctl.health.connect")

local _M = {}

-- "HTTP/1.1 200": the least that tells the status.
local STATUS = 12
-- No more of an answer is looked at: a server cannot fill the memory.
local MOST = 65536

local function request(server, settings)
  local fields = {
    host = "Host: " .. (settings.host or server.host .. ":" .. server.port),
    ["user-agent"] = "User-Agent: orctl",
    connection = "Connection: close",
  }
  for name, value in pairs(settings.headers or {}) do
    fields[name:lower()] = name .. ": " .. value
  end
  -- Not HTTP/1.0, which some proxies refuse.
  local lines = { settings.method .. " " .. settings.path .. " HTTP/1.1" }
  for _, line in pairs(fields) do
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function is_expected(status, ranges)
  for _, range in ipairs(ranges) do
    if status >= range[1] and status <= range[2] then
      return true
    end
  end
  return false
end

local function judge_status(text, settings)
  local status = tonumber(text:match("^HTTP/1%.%d (%d%d%d)"))
  if not status then
    return false, "the answer is not HTTP"
  end
  return is_expected(status, settings.status), "status " .. status
end

-- What has come of a chunked body (RFC 9112, 7.1), and whether that is all of it.
local function dechunk(text)
  local parts, at = {}, 1
  while true do
    local _, line_end, size = text:find("^(%x+)[^\n]*\n", at)
    if not size then
      return table.concat(parts), false
    elseif tonumber(size, 16) == 0 then
      return table.concat(parts), true
    end
    local last = line_end + tonumber(size, 16)
    parts[#parts + 1] = text:sub(line_end + 1, math.min(last, #text))
    if last >= #text then
      return table.concat(parts), false
    end
    at = last + 3 -- a chunk ends with CR LF
  end
end

-- The body as far as it has come, and whether that is all of it; nil before it begins.
local function body_of(text, settings)
  local _, head_end = text:find("\r\n\r\n", 1, true)
  if not head_end then
    return nil
  end
  local head, body = text:sub(1, head_end):lower(), text:sub(head_end + 1)
  if head:find("\r\ntransfer%-encoding:[^\r]*chunked") then
    return dechunk(body)
  end
  local length = tonumber(head:match("\r\ncontent%-length:%s*(%d+)"))
  return body, settings.method == "HEAD" or length ~= nil and #body >= length
end

-- The verdict on what has been received, or nil as long as more may change it.
local function judge(text, whole, settings)
  if #text < STATUS and not whole then
    return nil
  end
  local ok, reason = judge_status(text, settings)
  if not ok or not settings.body then
    return ok, reason
  end
  local body, complete = body_of(text, settings)
  if body and ngx.re.find(body, settings.body, "jo") then
    return true
  end
  if whole or complete then
    return false, "the body does not match"
  end
end

--- True, or false and what went wrong.
function _M.check(server, settings, limit)
  local socket, err = connect.open(server, settings, limit)
  if not socket then
    return false, err
  end
  local ok
  ok, err = socket:send(request(server, settings))
  if ok then
    ok, err = connect.read_until(socket, settings.body and MOST or STATUS, function(text, whole)
      return judge(text, whole, settings)
    end)
  end
  socket:close()
  return ok or false, err
end

return _M
