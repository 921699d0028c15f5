-- What a block of counters holds beyond its first 16 fields: how often which status was answered,
-- and how long it took. Works on any array-like row, only adds, and makes no tables while it
-- counts. Pure.
--
-- A status takes a pair of fields, (status, count). The first pair goes to the first status that
-- is seen, usually the 200, and lies in one cache line with the sum and the quick buckets.
local _M = {}

local FIRST = 16              -- a pair
local SUM = 18                -- seconds
local BUCKETS = 19            -- 13 fields: one for each bound, not added up, and one for the rest
local PAIRS, LAST = 32, 60    -- 15 more pairs
local OTHER = 62              -- count of what is no status, or found no pair
local CLIENT_LEFT = 499

--- One field is left, in the block of an upstream and in that of a server.
_M.RETRIES, _M.CHECK_FAILURES = 63, 63
--- Less than this many seconds is sure to fall into the first bucket.
_M.QUICK = 0.0055

--- Upper bounds of the buckets, in seconds.
_M.BOUNDS = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 }

local QUICK = _M.QUICK

-- nginx counts time in whole milliseconds; half of one makes up for how they are written in binary.
local function bucket(s)
  if s < QUICK then return 0 end
  if s < 0.1005 then
    if s < 0.0255 then
      return s < 0.0105 and 1 or 2
    end
    return s < 0.0505 and 3 or 4
  end
  if s < 1.0005 then
    if s < 0.5005 then
      return s < 0.2505 and 5 or 6
    end
    return 7
  end
  if s < 5.0005 then
    return s < 2.5005 and 8 or 9
  end
  if s < 10.0005 then return 10 end
  return s < 30.0005 and 11 or 12
end

--- Counts a duration in seconds. The wall clock may have been set back: then it is none.
function _M.observe(row, b, seconds)
  local s = seconds > 0 and seconds or 0
  local at = b + BUCKETS + bucket(s)
  row[at] = row[at] + 1
  row[b + SUM] = row[b + SUM] + s
end

local function count_at(row, at)
  row[at] = row[at] + 1
end

-- The status goes in before its count: a reader that comes between the two sees a count of 0.
local function count_rarer(row, b, status)
  if not (status >= 100 and status <= 599) then
    return count_at(row, b + OTHER)
  end
  if row[b + FIRST] == 0 then
    row[b + FIRST] = status
    return count_at(row, b + FIRST + 1)
  end
  for at = b + PAIRS, b + LAST, 2 do
    if row[at] == 0 then
      row[at] = status
    end
    if row[at] == status then
      return count_at(row, at + 1)
    end
  end
  return count_at(row, b + OTHER)
end

--- Counts a status; what is none from 100 to 599 counts as "other".
function _M.count(row, b, status)
  local at = b + FIRST
  if row[at] == status and status > 0 then
    row[at + 1] = row[at + 1] + 1
  else
    count_rarer(row, b, status)
  end
end

local function add_pair(row, at, sums)
  local status, n = row[at], row[at + 1]
  if n > 0 then
    sums[status] = (sums[status] or 0) + n
  end
end

--- Adds the counts of a block to `sums`, by status; the rest as `sums.other`.
function _M.add_codes(row, b, sums)
  add_pair(row, b + FIRST, sums)
  for at = b + PAIRS, b + LAST, 2 do
    if row[at] == 0 then break end
    add_pair(row, at, sums)
  end
  if row[b + OTHER] > 0 then
    sums.other = (sums.other or 0) + row[b + OTHER]
  end
end

--- How many statuses a block has counted, how many of them from 500 to 599, and how many say that
-- the client did not wait for the answer. Makes nothing, for those who ask often.
function _M.totals(row, b)
  local all, errors, left = row[b + OTHER], 0, 0
  local at = b + FIRST
  while row[at] ~= 0 do
    local status, n = row[at], row[at + 1]
    all = all + n
    if status >= 500 then
      errors = errors + n
    elseif status == CLIENT_LEFT then
      left = left + n
    end
    if at == b + LAST then break end
    at = at == b + FIRST and b + PAIRS or at + 2
  end
  return all, errors, left
end

--- Adds the buckets of a block to `sums`: 13 numbers, and `sums.seconds`.
function _M.add_durations(row, b, sums)
  for i = 0, #_M.BOUNDS do
    sums[i + 1] = (sums[i + 1] or 0) + row[b + BUCKETS + i]
  end
  sums.seconds = (sums.seconds or 0) + row[b + SUM]
end

return _M
