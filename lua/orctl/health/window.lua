-- Passive signals: what the requests of the last seconds say of a server. Pure.
local _M = {}

-- So many samples make a window; finer is not needed, and they are kept for every server.
local SAMPLES = 20

--- Takes a sample of counters that only grow, and returns what they grew by over the last `length`
-- seconds, or since the first sample: requests, failures, seconds spent. `window` is a list that
-- belongs to this function, empty at first.
function _M.grow(window, length, now, requests, failures, seconds)
  local last = window[#window]
  if last and requests < last.requests then
    -- The counters began anew.
    for i = 1, #window do window[i] = nil end
    last = nil
  end
  while window[2] and window[2].at <= now - length do
    table.remove(window, 1)
  end
  if not last or now - last.at >= length / SAMPLES then
    window[#window + 1] = { at = now, requests = requests, failures = failures, seconds = seconds }
  end
  local first = window[1]
  return requests - first.requests, failures - first.failures, seconds - first.seconds
end

--- Verdict of an `error_ratio` check; too few requests say nothing bad.
function _M.error_ratio(settings, requests, failures)
  if requests < settings.min_requests or failures * 100 < requests * settings.max_errors then
    return true
  end
  return false, ("%d of %d requests failed"):format(failures, requests)
end

--- Verdict of a `latency` check: the average over the window.
function _M.latency(settings, requests, _, seconds)
  local average = seconds / math.max(requests, 1)
  if requests < settings.min_requests or average <= settings.max_latency then
    return true
  end
  return false, ("%d requests took %d ms on average"):format(requests, average * 1000)
end

return _M
