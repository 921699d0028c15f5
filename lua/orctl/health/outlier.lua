-- Passive ejection: which servers are left out for a while because requests to them fail. Pure.
--
-- A server is {key, down, streak, requests, failures, outlier}: `down` by its checks, `streak` of
-- failed requests in a row, counters that only grow, and the state that is kept here:
-- {till, times, back, base, seen_requests, seen_failures}.
local _M = {}

-- Whether one more may go: never the last, not more than `max_ejected` percent (but one always
-- may), and no fewer left than the panic threshold.
local function may_eject(settings, total, ejected, usable)
  local most = math.max(math.floor(total * settings.max_ejected / 100), 1)
  return settings.max_ejected > 0 and ejected < most and usable > 1
    and (usable - 1) * 100 >= total * settings.panic_threshold
end

local function eject(state, settings, now)
  state.times = (state.times or 0) + 1
  state.till = now + math.min(settings.ejection_time * state.times, settings.max_ejection_time)
  state.back = nil
end

-- An ejection that ends. What failed before it does not count again.
local function take_back(server, now)
  local state = server.outlier
  state.till, state.back, state.base = nil, now, server.failures
end

local function failed_in_a_row(server, settings)
  local wanted = settings.consecutive_failures
  return wanted > 0 and server.streak >= wanted
    and server.failures - (server.outlier.base or 0) >= wanted
end

-- Why a server deserves to go, and how much; nil if it does not. `over` says that an interval is
-- over and its error ratio is judged.
local function guilt(server, settings, over)
  local state = server.outlier
  local requests = server.requests - (state.seen_requests or 0)
  local failures = server.failures - (state.seen_failures or 0)
  if failed_in_a_row(server, settings) then
    return 1000 + server.streak, ("%d failures in a row"):format(server.streak)
  end
  if over and settings.error_ratio and requests >= settings.min_requests
    and failures * 100 >= requests * settings.error_ratio then
    return failures / requests, ("%d of %d requests failed"):format(failures, requests)
  end
end

local function worst_first(a, b)
  if a.guilt ~= b.guilt then return a.guilt > b.guilt end
  return a.server.key < b.server.key
end

--- Judges all servers of an upstream at `now`; `over` says that an interval has passed since the
-- last time it said so. Returns the keys of those to leave out, each with the time of its end, and
-- the reasons of those that are new.
function _M.judge(settings, servers, now, over)
  local ejected, usable, suspects, reasons = 0, 0, {}, {}
  for _, server in ipairs(servers) do
    local state = server.outlier
    if state.till and state.till <= now then
      take_back(server, now)
    elseif state.back and now - state.back >= settings.max_ejection_time then
      state.times, state.back = nil, nil
    end
    if state.till then
      ejected = ejected + 1
    elseif not server.down then
      usable = usable + 1
      local much, reason = guilt(server, settings, over)
      if much then
        suspects[#suspects + 1] = { server = server, guilt = much, reason = reason }
      end
    end
    if over then
      state.seen_requests, state.seen_failures = server.requests, server.failures
    end
  end
  table.sort(suspects, worst_first)
  for _, one in ipairs(suspects) do
    if may_eject(settings, #servers, ejected, usable) then
      eject(one.server.outlier, settings, now)
      ejected, usable = ejected + 1, usable - 1
      reasons[one.server.key] = one.reason
    end
  end
  local out = {}
  -- Others may have gone down since: with too few left, those that were ejected serve again.
  if usable > 0 and usable * 100 >= #servers * settings.panic_threshold then
    for _, server in ipairs(servers) do
      out[server.key] = server.outlier.till
    end
  end
  return out, reasons
end

return _M
