local ewma = require("orctl.balancer.ewma")
local tap = require("tap")

-- Servers that answer after `seconds`, or fail if that is negative, however many requests they
-- work on; `rate` requests a second.
local function serve(weights, seconds, rate, length, change)
  local next_number = tap.random(17)
  local world = { now = 0, list = {}, got = {} }
  for i, weight in ipairs(weights) do
    world.list[i] = { key = i, weight = weight, in_flight = 0 }
    world.got[i] = 0
  end
  local balancer = ewma.new(world.list, {
    now = function() return world.now end,
    random = function() return (next_number(2147483646) - 1) / 2147483646 end,
    in_flight = function(peer) return peer.in_flight end,
  })
  world.balancer = balancer
  local ends = {}
  for i = 1, rate * length do
    world.now = i / rate
    if change then change(world, seconds) end
    for at, one in pairs(ends) do
      if one.at <= world.now then
        one.peer.in_flight = one.peer.in_flight - 1
        balancer:done(one.peer, one.seconds)
        ends[at] = nil
      end
    end
    local peer = balancer:pick()
    peer.in_flight, world.got[peer.key] = peer.in_flight + 1, world.got[peer.key] + 1
    local takes = seconds[peer.key]
    ends[i] = { at = world.now + math.abs(takes), peer = peer,
      seconds = takes > 0 and takes or nil }
  end
  return world
end

return {
  { "the quicker server gets nearly everything that comes one by one", function()
    local world = serve({ 1, 1 }, { 0.1, 0.01 }, 20, 60)
    assert(world.got[2] > 1150 and world.got[1] > 1, world.got[1])
  end },
  { "under load the slower one helps, in proportion to its speed", function()
    local world = serve({ 1, 1 }, { 0.2, 0.05 }, 1000, 20)
    local ratio = world.got[2] / world.got[1]
    assert(ratio > 4 and ratio < 25, ratio)
  end },
  { "servers of equal speed share by weight", function()
    local world = serve({ 3, 2, 1 }, { 0.1, 0.1, 0.1 }, 1000, 20)
    for i = 1, 3 do
      local share = world.got[i] / 20000 * 6 / (4 - i)
      assert(share > 0.85 and share < 1.15, share)
    end
  end },
  { "a server that turns slow is left at once, one that has got well comes back", function()
    local at = {}
    local world = serve({ 1, 1 }, { 0.01, 0.01 }, 100, 100, function(world, seconds)
      if world.now == 20 then seconds[1], at.slow = 1, world.got[1] end
      if world.now == 25 then at.left = world.got[1] end
      if world.now == 50 then seconds[1], at.well = 0.01, world.got[1] end
    end)
    assert(at.slow > 500, at.slow)
    assert(at.left - at.slow < 25, at.left - at.slow)
    assert(world.got[1] - at.well > 500, world.got[1] - at.well)
  end },
  { "a server that fails quickly is not taken for a quick one", function()
    local world = serve({ 1, 1 }, { -0.001, 0.05 }, 100, 60)
    assert(world.got[1] < 120, world.got[1])
  end },
  { "estimates outlive a sync, and a new server begins with the average", function()
    local world = serve({ 1, 1 }, { 0.4, 0.1 }, 50, 20)
    local balancer, list = world.balancer, world.list
    local one, two = balancer.entries[1].seconds, balancer.entries[2].seconds
    balancer:sync({ { key = 1, weight = 1, in_flight = 0 }, list[2],
      { key = 3, weight = 1, in_flight = 0 } })
    tap.equal({ balancer.entries[1].seconds, balancer.entries[2].seconds }, { one, two })
    local fresh = balancer.entries[3].seconds
    assert(fresh > math.min(one, two) * 0.1 and fresh < math.max(one, two), fresh)
    balancer:sync({ list[2] })
    balancer:done(list[1], 1)
    tap.equal(balancer.entries[1], nil)
  end },
}
