-- What is due when: a heap of items by their member `due`. Pure.
--
-- An item is taken out by a mark, which costs nothing; the heap is made anew when half of it is
-- marked.
local _M = {}
local methods = { __index = _M }

--- An empty schedule.
function _M.new()
  return setmetatable({ size = 0, gone = 0 }, methods)
end

local function up(self, i)
  local item = self[i]
  while i > 1 do
    local parent = math.floor(i / 2)
    if self[parent].due <= item.due then break end
    self[i] = self[parent]
    i = parent
  end
  self[i] = item
end

local function down(self, i)
  local item = self[i]
  while true do
    local child = 2 * i
    if child > self.size then break end
    if child < self.size and self[child + 1].due < self[child].due then
      child = child + 1
    end
    if item.due <= self[child].due then break end
    self[i] = self[child]
    i = child
  end
  self[i] = item
end

--- Adds an item, which must not be in a schedule; its `due` must not change while it is.
function _M.push(self, item)
  self.size = self.size + 1
  self[self.size] = item
  item.gone = nil
  up(self, self.size)
end

local function pop(self)
  local first = self[1]
  self[1], self[self.size] = self[self.size], nil
  self.size = self.size - 1
  if self.size > 0 then
    down(self, 1)
  end
  return first
end

--- Takes out and returns an item that is due at `now`; nil if none is.
function _M.next(self, now)
  while self.size > 0 and (self[1].due <= now or self[1].gone) do
    local item = pop(self)
    if not item.gone then
      return item
    end
    self.gone = self.gone - 1
  end
end

--- Takes out an item that is in the schedule. It must not be pushed again.
function _M.drop(self, item)
  item.gone = true
  self.gone = self.gone + 1
  if self.gone * 2 <= self.size then
    return
  end
  local kept = {}
  for i = 1, self.size do
    kept[i], self[i] = self[i], nil
  end
  self.size, self.gone = 0, 0
  for _, one in ipairs(kept) do
    if not one.gone then
      _M.push(self, one)
    end
  end
end

return _M
