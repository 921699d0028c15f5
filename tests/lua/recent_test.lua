local block = require("orctl.metrics.block")
local ffi = require("ffi")
local recent = require("orctl.metrics.recent")
local tap = require("tap")

local BLOCK, FAILURES = 64, 2

local function row()
  return ffi.new("double[?]", 2 * BLOCK)
end

local function minute(rows, now)
  local sums = { 0, 0, 0 }
  for _, one in ipairs(rows) do recent.sum(one, BLOCK, now, sums) end
  return sums
end

-- `ok` tries of a server are answered, `bad` ones fail, as the balancer counts them.
local function try(its, ok, bad)
  for _ = 1, ok do block.count(its, BLOCK, 200) end
  for _ = 1, bad do
    its[BLOCK + FAILURES] = its[BLOCK + FAILURES] + 1
    block.count(its, BLOCK, 502)
  end
end

local function look(its, now)
  recent.look_at_server(its, BLOCK, now)
end

local function failed(rows, now)
  return recent.fails(rows, BLOCK, now)
end

return {
  { "a minute is summed over its slots and over all rows", function()
    local a, b = row(), row()
    recent.add(a, BLOCK, 1000, 10, 1, 0)
    recent.add(a, BLOCK, 1001, 5, 0, 0)
    recent.add(b, BLOCK, 1030, 100, 50, 2)
    tap.equal(minute({ a, b }, 1031), { 115, 51, 2 })
  end },
  { "what is older than a minute has left, though nobody has written since", function()
    local its = row()
    recent.add(its, BLOCK, 1000, 10, 1, 0)
    tap.equal(minute({ its }, 1055), { 10, 1, 0 })
    tap.equal(minute({ its }, 1060), { 0, 0, 0 })
    tap.equal(minute({ its }, 90000), { 0, 0, 0 })
  end },
  { "a slot that comes again begins at nothing", function()
    local its = row()
    recent.add(its, BLOCK, 1000, 10, 1, 1)
    recent.add(its, BLOCK, 1000 + recent.SECONDS, 3, 2, 0)
    tap.equal(minute({ its }, 1001 + recent.SECONDS), { 3, 2, 0 })
  end },
  { "at any time a minute is 56 to 60 seconds of what came", function()
    local random = tap.random(5)
    for _ = 1, 200 do
      local its, from = row(), 5000 + random(1000) / 10
      for second = 0, 149 do recent.add(its, BLOCK, from + second, 1, 0, 0) end
      local seen = minute({ its }, from + 149)[1]
      tap.equal(seen >= 56 and seen <= 60, true, seen .. " seconds")
    end
  end },
  { "the ring stays within its block", function()
    local its = row()
    for now = 1, 300 do recent.add(its, BLOCK - 64, now, 1, 1, 1) end
    for at = 61, 2 * BLOCK - 1 do tap.equal(its[at], 0, "field " .. at) end
  end },
  { "the totals of a block are all statuses, those of errors, and of clients that left", function()
    local its = row()
    for _, status in ipairs({ 404, 200, 502, 500, 499, 504, 200, 0, 301, 302, 599 }) do
      block.count(its, BLOCK, status)
    end
    tap.equal({ block.totals(its, BLOCK) }, { 11, 4, 1 })
    for status = 100, 599 do block.count(its, 0, status) end
    tap.equal((block.totals(its, 0)), 500)
    tap.equal({ block.totals(row(), BLOCK) }, { 0, 0, 0 })
  end },
  { "a server whose last tries all failed is known by them", function()
    local its = row()
    try(its, 5, 0) look(its, 100)
    tap.equal(failed({ its }, 100), false)
    try(its, 0, 1) look(its, 101)
    tap.equal(failed({ its }, 101), true)
    try(its, 0, 3) look(its, 102)
    tap.equal(failed({ its }, 103), true)
  end },
  { "an answer takes that back, and so does a minute without a try", function()
    local its = row()
    try(its, 0, 2) look(its, 100)
    tap.equal(failed({ its }, 160), true)
    tap.equal(failed({ its }, 161), false)
    try(its, 1, 0) look(its, 110)
    tap.equal(failed({ its }, 110), false)
    try(its, 0, 1) look(its, 111)
    tap.equal(failed({ its }, 111), true)
  end },
  { "failures beside answers in one look are no fault of the server", function()
    local its = row()
    try(its, 1, 7) look(its, 100)
    tap.equal(failed({ its }, 100), false)
  end },
  { "what one worker got an answer from is up, whatever others met before", function()
    local a, b = row(), row()
    try(a, 0, 3) look(a, 100)
    try(b, 0, 2) look(b, 101)
    tap.equal(failed({ a, b }, 102), true)
    try(b, 1, 0) look(b, 103)
    tap.equal(failed({ a, b }, 103), false)
    try(a, 0, 1) look(a, 104)
    tap.equal(failed({ a, b }, 104), true)
  end },
  { "a client that did not wait is no answer of the server", function()
    local its = row()
    try(its, 0, 1) look(its, 100)
    block.count(its, BLOCK, 499) look(its, 101)
    tap.equal(failed({ its }, 101), true)
  end },
  { "a failure whose status is not counted yet is no answer later", function()
    local its = row()
    its[BLOCK + FAILURES] = 1
    look(its, 100)
    block.count(its, BLOCK, 502)
    look(its, 101)
    tap.equal(failed({ its }, 101), true)
  end },
}
