-- What requests tell of a server: kept in its counters by every worker, for upstreams that eject
-- outliers or have passive checks, and for no others.
local counters = require("orctl.lib.counters")

local _M = {}

local ERRORS, STREAK, SECONDS = counters.ERRORS, counters.STREAK, counters.SECONDS

local passive = { error_ratio = true, latency = true }

--- Whether requests to an upstream, a part of the document, must be watched.
function _M.is_needed(part)
  for _, check in ipairs(part.health and part.health.checks or {}) do
    if passive[check.type] then
      return true
    end
  end
  return part.outlier ~= nil
end

--- A try got no answer. `row` is this worker's, `b` the server's block.
function _M.failed(row, b)
  row[b + ERRORS] = row[b + ERRORS] + 1
  row[b + STREAK] = row[b + STREAK] + 1
end

--- A request was answered with a status, after a time as nginx writes it in
-- $upstream_response_time, in which the last number is that of the server that answered.
function _M.answered(row, b, status, times)
  if status >= 500 then
    _M.failed(row, b)
  else
    row[b + STREAK] = 0
  end
  row[b + SECONDS] = row[b + SECONDS] + (tonumber((times or ""):match("[%d.]+$")) or 0)
end

return _M
