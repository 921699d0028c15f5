-- The text format of Prometheus (0.0.4). Pure: what it writes goes to a function.
local _M = {}
_M.__index = _M

local concat = table.concat

_M.CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

local escapes = { ["\\"] = "\\\\", ["\""] = "\\\"", ["\n"] = "\\n" }

--- Labels as they stand in the braces of a sample, from names and values in turn.
function _M.labels(...)
  local out = {}
  for i = 1, select("#", ...), 2 do
    local name, value = select(i, ...)
    out[#out + 1] = ("%s=\"%s\""):format(name, (tostring(value):gsub("[\\\"\n]", escapes)))
  end
  return concat(out, ",")
end

local function number(value)
  if value == math.floor(value) and value > -2 ^ 53 and value < 2 ^ 53 then
    return ("%d"):format(value)
  end
  return ("%.14g"):format(value)
end

--- A writer that calls `send(text)` after each `slice` steps and writes no more than `cap` samples;
-- `dropped` counts what came after. A sample is a step.
function _M.new(send, slice, cap)
  return setmetatable({ send = send, slice = slice, left = cap, dropped = 0,
    out = {}, n = 0, steps = 0 }, _M)
end

--- Hands over what has come together, which may be nothing.
function _M:flush()
  local text = concat(self.out, "", 1, self.n)
  self.n, self.steps = 0, 0
  self.send(text)
end

--- Some work was done, with a sample or without.
function _M:step()
  self.steps = self.steps + 1
  if self.steps >= self.slice then
    self:flush()
  end
end

--- Leaves room for `count` more samples, whatever the cap.
function _M:reserve(count)
  self.left = math.max(self.left, count)
end

--- Begins a metric. Its head is written with its first sample: no metric without one.
function _M:family(name, kind, help)
  self.name = name
  self.head = ("# HELP %s %s\n# TYPE %s %s\n"):format(name,
    help:gsub("[\\\n]", escapes), name, kind)
end

local function add(self, suffix, labels, value)
  if self.left <= 0 then
    self.dropped = self.dropped + 1
    return
  end
  self.left = self.left - 1
  local out, n = self.out, self.n
  if self.head then
    n = n + 1
    out[n], self.head = self.head, nil
  end
  out[n + 1], out[n + 2] = self.name, suffix
  out[n + 3] = labels == "" and " " or "{"
  out[n + 4] = labels
  out[n + 5] = labels == "" and "" or "} "
  out[n + 6], out[n + 7] = number(value), "\n"
  self.n = n + 7
  self:step()
end

--- A sample of the current metric; `labels` made by labels(), or "".
function _M:sample(labels, value)
  return add(self, "", labels, value)
end

--- A histogram: `buckets` holds a count for each of `bounds` and one more, none added up, and
-- `buckets.seconds`. Written whole or, if the cap comes before its end, not at all.
function _M:histogram(labels, bounds, buckets)
  local size = #bounds + 3
  if self.left < size then
    self.dropped = self.dropped + size
    return
  end
  local before, count = labels == "" and "le=\"" or labels .. ",le=\"", 0
  for i = 1, #bounds do
    count = count + buckets[i]
    add(self, "_bucket", before .. bounds[i] .. "\"", count)
  end
  count = count + buckets[#bounds + 1]
  add(self, "_bucket", before .. "+Inf\"", count)
  add(self, "_sum", labels, buckets.seconds)
  return add(self, "_count", labels, count)
end

return _M
