-- Counts and gauges in memory that all workers share: no lock, no dictionary, no timer in the way.
--
-- Each worker has a row of its own and is the only one that writes there, so a count is a plain
-- load and store of a double, and a sum over the rows is as new as the last request of any worker.
-- The memory is mapped by the master and inherited; its address is kept in the shared dictionary,
-- which has the same life, so that counts go on over a reload. A row is made of blocks of 64
-- doubles; a block belongs to one server, upstream or host and has the same place in every row.
-- Pages that nobody has touched cost nothing.
local ffi = require("ffi")

local _M = {}

ffi.cdef([[
void *mmap(void *addr, size_t length, int prot, int flags, int fd, long offset);
int kill(int pid, int sig);
]])

local C = ffi.C
local PROT_READ_WRITE = 3
local MAP_SHARED_ANONYMOUS_NORESERVE = 0x4021 -- Linux, on x86 and on ARM
local EPERM = 1

-- The dictionary outlives a reload that brings other Lua: another layout takes another prefix.
local P = "counters/1/"

local BLOCK = 64        -- doubles
local BLOCKS = 65536    -- in a row; block 0 is the row's head
local SPARE = BLOCK     -- block 1: whatever found no block of its own
local ROW_BYTES = BLOCKS * BLOCK * 8
local CLAIM_SECONDS = 60
local RESERVE_TRIES = 3

-- Head of a row: whose it is. Two numbers, as a pid alone may come again. And since when that
-- worker takes no more connections, in seconds since boot: SERVES as long as it does, 0 of an
-- older Lua, which does not say.
local PID, STARTED, LEAVES = 0, 1, 2
local SERVES = -1

--- Fields of a block of kind "peer"; "upstream" and "host" use what fits them.
_M.IN_FLIGHT, _M.REQUESTS, _M.FAILURES = 0, 1, 2
--- And those of servers that are watched (health/passive.lua): tries without an answer and answers
-- of 500 and more, how many of them came in a row, seconds until the answers.
_M.ERRORS, _M.STREAK, _M.SECONDS = 8, 9, 10

--- The block for what has none, in the master or when all are taken.
_M.SPARE = SPARE

local dict = ngx.shared.orctl
local base, row_count -- of the region
local own             -- row of this worker
local scratch = ffi.new("double[?]", 2 * BLOCK) -- row of a process that has none: only SPARE

local function row_at(i)
  return ffi.cast("double *", base + i * ROW_BYTES)
end

--- In the master: so many bytes of zeros that its workers share; pages that nobody touches cost
-- nothing. They last as long as the shared dictionaries, which may hold their address.
function _M.map(bytes)
  local address = C.mmap(nil, bytes, PROT_READ_WRITE, MAP_SHARED_ANONYMOUS_NORESERVE, -1, 0)
  if ffi.cast("intptr_t", address) == -1 then
    error("no memory to share: errno " .. ffi.errno(), 0)
  end
  return address
end

--- In the master: maps the memory, or finds what an earlier cycle has mapped. `workers` is their
-- number; four rows each leave room for those that drain after reloads.
function _M.init(workers)
  local known = dict:get(P .. "region")
  if known then
    local address, rows = known:match("^(%x+) (%d+)$")
    row_count = tonumber(rows)
    if row_count >= 2 * workers then
      base = ffi.cast("char *", ffi.cast("uintptr_t", tonumber(address, 16)))
      return
    end
  end
  row_count = math.max(8, 4 * workers)
  local address = _M.map(row_count * ROW_BYTES)
  base = ffi.cast("char *", address)
  local text = ("%x %d"):format(tonumber(ffi.cast("uintptr_t", address)), row_count)
  assert(dict:safe_set(P .. "region", text), "the shared dictionary is full")
end

-- When a process started, in ticks since boot; nil if there is none, or only its remains.
local function started_at(pid)
  local file = io.open("/proc/" .. pid .. "/stat")
  local text = file and file:read("*a")
  if file then file:close() end
  local state, rest = (text or ""):match("^.*%) (%a) (.*)$")
  if not state or state == "Z" or state == "X" then
    return nil
  end
  local field = 3
  for word in rest:gmatch("%S+") do
    field = field + 1
    if field == 22 then return tonumber(word) end
  end
end

--- Whether process `pid` has ended.
function _M.is_gone(pid)
  return C.kill(pid, 0) ~= 0 and ffi.errno() ~= EPERM
end

local function is_alive(row)
  local pid = row[PID]
  local started = started_at(pid)
  if started then
    return started == row[STARTED]
  end
  -- /proc may hide the processes of others.
  return C.kill(pid, 0) ~= 0 and ffi.errno() == EPERM
end

local function clear_in_flight(row)
  for id = 1, dict:get(P .. "next") or 1 do
    local b = id * BLOCK
    if row[b] ~= 0 then row[b] = 0 end
  end
end

--- Takes the requests of dead workers out of the count: they ended with them. How many of those
-- were not about to go: they ended by a fault, or somebody killed them.
function _M.bury()
  local fallen = 0
  for i = 0, row_count - 1 do
    local row = row_at(i)
    local pid, started = row[PID], row[STARTED]
    -- One worker buries, or a slow one would take the row from whoever has it next.
    if pid > 0 and not is_alive(row)
      and dict:safe_add(("%sburied/%d/%d.%d"):format(P, i, pid, started), 1, CLAIM_SECONDS) then
      clear_in_flight(row)
      fallen = fallen + (row[LEAVES] == SERVES and 1 or 0)
      row[PID] = -1 -- free, and worth summing
    end
  end
  return fallen
end

local function claim(i, pid)
  local row = row_at(i)
  local before = row[PID]
  -- Of several workers that want the row, one gets it: the key holds who had it before.
  local key = ("%sclaim/%d/%d.%d"):format(P, i, before, row[STARTED])
  if not dict:safe_add(key, pid, CLAIM_SECONDS) then
    return false
  end
  clear_in_flight(row)
  row[STARTED] = started_at(pid) or 0
  row[LEAVES] = SERVES
  row[PID] = pid
  own = row
  return true
end

--- In a worker that begins: takes a row, if it can one that a dead worker has left. What bury()
-- says.
function _M.start()
  local fallen = _M.bury()
  local pid = ngx.worker.pid()
  for _, wanted in ipairs({ -1, 0 }) do
    for i = 0, row_count - 1 do
      if row_at(i)[PID] == wanted and claim(i, pid) then
        return fallen
      end
    end
  end
  -- A worker whose counts nobody sees is better than one that does not serve.
  ngx.log(ngx.ERR, "all ", row_count, " rows of counters are taken; this worker is not counted")
  own = ffi.new("double[?]", BLOCKS * BLOCK)
  return fallen
end

--- This worker takes no more connections from `now` on, in seconds since boot.
function _M.leave(now)
  _M.row()[LEAVES] = now
end

--- Workers that end their last requests: calls visit(pid, since).
function _M.each_leaving(visit)
  for i = 0, row_count - 1 do
    local row = row_at(i)
    if row[PID] > 0 and row[LEAVES] > 0 and is_alive(row) then
      visit(row[PID], row[LEAVES])
    end
  end
end

--- Row of this worker, a `double *`. In the master, and in a worker whose own start failed before
-- it took one, a row that holds nothing but SPARE.
function _M.row()
  return own or scratch
end

local function directory_key(kind, key)
  return P .. kind .. "/" .. key
end

--- Row of the worker with this pid, or nil.
function _M.row_of(pid)
  for i = 0, row_count - 1 do
    if row_at(i)[PID] == pid then
      return row_at(i)
    end
  end
end

--- Index of the block of a "peer" (upstream/host:port), an "upstream", a "host" or the "worker".
function _M.block(kind, key)
  if not own then
    return SPARE
  end
  local place = directory_key(kind, key)
  local id = dict:get(place)
  while not id do
    local new = dict:rpop(P .. "free")
    if not new then
      dict:safe_add(P .. "next", 1)
      new = dict:incr(P .. "next", 1)
    end
    if not new or new >= BLOCKS then
      return SPARE
    end
    if dict:safe_add(place, new) then
      id = new
    else
      dict:lpush(P .. "free", new)
      id = dict:get(place)
      if not id then return SPARE end -- the dictionary is full
    end
  end
  return id * BLOCK
end

--- Index of a block that is there, or nil.
function _M.find(kind, key)
  local id = dict:get(directory_key(kind, key))
  return id and id * BLOCK
end

--- Gives a block back. Only for what no worker uses any more, and under the lock of what is shared.
function _M.release(kind, key)
  local place = directory_key(kind, key)
  local id = dict:get(place)
  if not id then
    return
  end
  dict:delete(place)
  for i = 0, row_count - 1 do
    local row = row_at(i)
    if row[PID] ~= 0 then
      ffi.fill(row + id * BLOCK, BLOCK * 8)
    end
  end
  dict:lpush(P .. "free", id)
end

--- Sum of a field of a block over all workers, those that have ended included.
function _M.sum(b, field)
  local at, sum = b + field, 0
  for i = 0, row_count - 1 do
    local row = row_at(i)
    if row[PID] ~= 0 then
      sum = sum + row[at]
    end
  end
  return sum
end

--- A function that sums a field of several blocks over all workers, as an array from 0 in the order
-- of `blocks`. Row by row, as the compiler likes long inner loops.
function _M.sums(blocks, field)
  local count = #blocks
  local places, totals = ffi.new("int32_t[?]", count), ffi.new("double[?]", count)
  for i, b in ipairs(blocks) do
    places[i - 1] = b + field
  end
  return function()
    ffi.fill(totals, count * 8)
    for i = 0, row_count - 1 do
      local row = row_at(i)
      if row[PID] ~= 0 then
        for j = 0, count - 1 do
          totals[j] = totals[j] + row[places[j]]
        end
      end
    end
    return totals
  end
end

--- Adds 1 to a field of this worker's row, unless the sum over all workers would pass `limit`;
-- whether it did.
function _M.reserve(b, field, limit)
  local at = b + field
  for _ = 1, RESERVE_TRIES do
    if _M.sum(b, field) >= limit then
      return false
    end
    own[at] = own[at] + 1
    -- The others must see that before their rows are read, or two workers could both take the last
    -- place. The lock of the dictionary is a full memory barrier.
    dict:get(P .. "region")
    if _M.sum(b, field) <= limit then
      return true
    end
    -- Two came at the same moment. Both step back, and one is first when they come again.
    own[at] = own[at] - 1
  end
  return false
end

--- Calls `visit(row)` with every row that was ever used, this worker's included.
function _M.each_row(visit)
  for i = 0, row_count - 1 do
    local row = row_at(i)
    if row[PID] ~= 0 then
      visit(row)
    end
  end
end

return _M
