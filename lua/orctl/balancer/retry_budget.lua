-- Retries as a part of the requests of the last seconds, of one worker and upstream: when many
-- servers fail at once, retries must not multiply the load of those that are left. Pure.
local _M = {}
local methods = { __index = _M }

local HALF = 5  -- seconds; the window is this half and the one before
local FLOOR = 3 -- retries in a window that a quiet upstream has in any case

--- A budget of `percent` retries for a hundred requests.
function _M.new(percent)
  return setmetatable({ percent = percent, since = 0,
    requests = 0, requests_before = 0, retries = 0, retries_before = 0 }, methods)
end

-- A clock that was set back begins a new window as well.
local function turn(self, now)
  local age = now - self.since
  if age >= 0 and age < HALF then
    return
  end
  local next_to_it = age >= HALF and age < 2 * HALF
  self.requests_before = next_to_it and self.requests or 0
  self.retries_before = next_to_it and self.retries or 0
  self.requests, self.retries, self.since = 0, 0, now
end

--- A request has come; `now` in seconds.
function _M:request(now)
  turn(self, now)
  self.requests = self.requests + 1
end

--- Whether one more retry is within the budget; it is then spent.
function _M:spend(now)
  turn(self, now)
  local spent = self.retries + self.retries_before
  local allowed = (self.requests + self.requests_before) * self.percent / 100
  if spent >= FLOOR and spent + 1 > allowed then
    return false
  end
  self.retries = self.retries + 1
  return true
end

return _M
