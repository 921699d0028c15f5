local block = require("orctl.metrics.block")
local ffi = require("ffi")
local tap = require("tap")

local BLOCK = 64

-- Two blocks of zeros, as a table and as the memory that workers share.
local function rows()
  local list = {}
  for i = 0, 2 * BLOCK - 1 do list[i] = 0 end
  return { list, ffi.new("double[?]", 2 * BLOCK) }
end

local function codes(row, b)
  local sums = {}
  block.add_codes(row, b, sums)
  return sums
end

local function count(row, b, ...)
  for i = 1, select("#", ...) do
    block.count(row, b, (select(i, ...)))
  end
end

local function untouched(row, from, to)
  for i = from, to do
    tap.equal(row[i], 0, "field " .. i)
  end
end

return {
  { "statuses are counted, whichever comes first", function()
    for _, row in ipairs(rows()) do
      count(row, BLOCK, 404, 200, 200, 502, 404, 200)
      tap.equal(codes(row, BLOCK), { [200] = 3, [404] = 2, [502] = 1 })
      untouched(row, 0, BLOCK + 15)
    end
  end },
  { "what is no status from 100 to 599 is other", function()
    for _, row in ipairs(rows()) do
      count(row, 0, 0, 9, 99, 600, 1000, 0 / 0)
      tap.equal(codes(row, 0).other, 6)
      count(row, 0, 100, 599)
      tap.equal({ codes(row, 0)[100], codes(row, 0)[599] }, { 1, 1 })
    end
  end },
  { "sixteen statuses have a place, the rest is other, and no other block is touched", function()
    for _, row in ipairs(rows()) do
      for _ = 1, 3 do
        for status = 200, 219 do
          block.count(row, 0, status)
        end
      end
      local wanted = { other = 12 }
      for status = 200, 215 do wanted[status] = 3 end
      tap.equal(codes(row, 0), wanted)
      untouched(row, 0, 15)
      untouched(row, BLOCK, 2 * BLOCK - 1)
    end
  end },
  { "counts of several workers add up, whatever the order of their statuses", function()
    local a, b = rows()[1], rows()[2]
    count(a, 0, 200, 404)
    count(b, 0, 404, 404, 200, 777)
    local sums = codes(a, 0)
    block.add_codes(b, 0, sums)
    tap.equal(sums, { [200] = 2, [404] = 3, other = 1 })
  end },
  { "the sum of all counts is the number of requests", function()
    local random = tap.random(11)
    local row, n = rows()[2], 5000
    for _ = 1, n do
      block.count(row, 0, random(700))
    end
    local sum = 0
    for _, one in pairs(codes(row, 0)) do sum = sum + one end
    tap.equal(sum, n)
  end },
  { "a duration falls into the first bucket that is not below it", function()
    local random = tap.random(7)
    for _ = 1, 3000 do
      local row = rows()[2]
      -- As nginx measures: the difference of two times since 1970 in whole milliseconds.
      local ms = random(random(2) == 1 and 40000 or 120) - 1
      local start = 1700000000 + random(10 ^ 6) / 1000
      block.observe(row, 0, (start + ms / 1000) - start)
      local sums, wanted = {}, #block.BOUNDS + 1
      block.add_durations(row, 0, sums)
      for i = #block.BOUNDS, 1, -1 do
        if ms <= block.BOUNDS[i] * 1000 then wanted = i end
      end
      tap.equal(sums[wanted], 1, ms .. " ms")
    end
  end },
  { "each bound belongs to its own bucket", function()
    for _, row in ipairs(rows()) do
      for _, bound in ipairs(block.BOUNDS) do
        block.observe(row, 0, bound)
        block.observe(row, 0, bound + 0.001)
      end
      local sums = {}
      block.add_durations(row, 0, sums)
      tap.equal(sums[1], 1)
      tap.equal({ unpack(sums, 2, 12) }, { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 })
      tap.equal(sums[13], 1)
      tap.equal(("%.3f"):format(sums.seconds), "98.892")
    end
  end },
  { "a clock that is set back takes nothing away", function()
    local row = rows()[2]
    block.observe(row, 0, 2)
    block.observe(row, 0, -3600)
    local sums = {}
    block.add_durations(row, 0, sums)
    tap.equal({ sums[1], sums.seconds }, { 1, 2 })
  end },
  { "codes and durations share a block", function()
    local row = rows()[1]
    for status = 200, 230 do block.count(row, 0, status) end
    for i = 1, 50 do block.observe(row, 0, i) end
    local before = codes(row, 0)
    tap.equal({ before[200], before[215], before.other }, { 1, 1, 15 })
    local sums = {}
    block.add_durations(row, 0, sums)
    tap.equal({ sums[13], sums.seconds }, { 20, 1275 })
    untouched(row, BLOCK - 1, BLOCK)
  end },
}
