-- Which worker probes. Pure; time is the number of ticks that a worker has seen, so neither a wall
-- clock that jumps nor a worker that stands still can end checks for ever.
--
-- The worker that leads counts a beat in the shared dictionary. Another takes over when the beat
-- belongs to an older cycle, or to the worker whose place it has taken, or stands still.
local _M = {}
local methods = { __index = _M }

local MISSED = 40 -- ticks of 50 ms

--- `me` is {pid, boot, id}: this worker, the cycle of its master, its number in it.
function _M.new(me)
  return setmetatable({ me = me, missed = 0, beat = 0 }, methods)
end

--- What to do at a tick, with the beat {pid, boot, id, beat} that stands in the dictionary: the
-- beat to write, or nil to leave it; and whether this worker leads. One that takes over leads from
-- the next tick on, unless another took over after it.
function _M.step(self, found)
  local me = self.me
  if found and found.boot > me.boot then
    return nil, false
  end
  local mine = found and found.pid == me.pid and found.boot == me.boot
  if found and not mine and found.boot == me.boot and found.id ~= me.id then
    if found.pid ~= self.seen_pid or found.beat ~= self.seen_beat then
      self.seen_pid, self.seen_beat, self.missed = found.pid, found.beat, 0
      return nil, false
    end
    self.missed = self.missed + 1
    if self.missed < MISSED then
      return nil, false
    end
  end
  self.missed, self.beat = 0, self.beat + 1
  return { pid = me.pid, boot = me.boot, id = me.id, beat = self.beat }, mine or false
end

return _M
