-- From results of checks to a verdict on a server, and how long to wait for the next result. Pure.
local _M = {}

--- Takes one result into a check's state {down, streak, good}: true if the check has changed its
-- mind. `streak` counts the results in a row that speak against the present state, `good` the good
-- ones in a row.
function _M.result(entry, settings, ok)
  entry.good = ok and entry.good + 1 or 0
  if ok == not entry.down then
    entry.streak = 0
    return false
  end
  entry.streak = entry.streak + 1
  if entry.streak < (ok and settings.rise or settings.fall) then
    return false
  end
  entry.down, entry.streak = not ok, 0
  return true
end

--- Seconds until the next check; `random` is from 0 to 1. A server that is down, or has long been
-- well, may be asked at a pace of its own; one bad result brings the usual pace back.
function _M.wait(entry, settings, random)
  local interval = settings.interval
  if entry.down then
    interval = settings.interval_when_down or interval
  elseif entry.good >= settings.stable_after then
    interval = settings.interval_when_stable or interval
  end
  return interval * (1 + settings.jitter * (2 * random - 1))
end

--- Whether at least `need` of a list of checks are not down.
function _M.well(entries, need)
  local good = 0
  for _, entry in ipairs(entries) do
    good = good + (entry.down and 0 or 1)
  end
  return good >= need
end

-- Flap damping. A server that falls again before it has been up for `window` climbs a level, and
-- from level `after` on each fall keeps it down for a time that doubles with the level. Once
-- damped, it changes its state at most twice in `hold`.

--- Notes in a server's state {level, up_at, held} that it fell at `now`.
function _M.fell(state, flap, now)
  local calm = state.up_at and now - state.up_at >= flap.window
  state.level = calm and 1 or (state.level or 0) + 1
  state.held = nil
  if flap.after > 0 and state.level >= flap.after then
    state.held = now + math.min(flap.hold * 2 ^ (state.level - flap.after), flap.max_hold)
  end
end

--- Notes that it came up at `now`.
function _M.rose(state, now)
  state.up_at, state.held = now, nil
end

--- Whether it must stay down although its checks are well.
function _M.is_held(state, flap, now)
  return flap.after > 0 and state.held ~= nil and now < state.held
end

return _M
