local least_conn = require("orctl.balancer.least_conn")
local round_robin = require("orctl.balancer.round_robin")
local tap = require("tap")

local peers, take, count = tap.peers, tap.take, tap.count

-- What counters.sums() gives, of peers that know it themselves.
local function gauge(list)
  local loads = {}
  return function()
    for i, peer in ipairs(list) do loads[i - 1] = peer.in_flight end
    return loads
  end
end

local function new(list, turns)
  return least_conn.new(list, { gauge = gauge, turns = turns })
end

return {
  { "the least loaded for its weight is picked, whatever the others' turns are", function()
    local random = tap.random(3)
    for _ = 1, 500 do
      local list = {}
      for i = 1, random(9) do
        list[i] = { key = i, weight = random(5), in_flight = random(20) }
      end
      local balancer = new(list, random(7))
      local peer = balancer:pick()
      for _, other in ipairs(list) do
        assert(peer.in_flight / peer.weight <= other.in_flight / other.weight)
      end
    end
  end },
  { "what is kept busy is in flight by weight exactly", function()
    local random = tap.random(5)
    for _ = 1, 50 do
      local list, sum = {}, 0
      for i = 1, random(8) + 1 do
        list[i] = { key = i, weight = random(9), in_flight = 0 }
        sum = sum + list[i].weight
      end
      local balancer = new(list)
      for _ = 1, sum * 3 do
        local peer = balancer:pick()
        peer.in_flight = peer.in_flight + 1
      end
      for _, peer in ipairs(list) do tap.equal(peer.in_flight, peer.weight * 3) end
    end
  end },
  { "an idle upstream is served by weight, as smoothly as by round robin", function()
    for _, weights in ipairs({ { 1, 1, 1 }, { 4, 2, 1 }, { 8, 1 }, { 7, 7 } }) do
      tap.equal(take(new(peers(unpack(weights))), 60),
        take(round_robin.new(peers(unpack(weights))), 60))
    end
  end },
  { "workers begin at different servers", function()
    tap.equal(take(new(peers(1, 1, 1), 2), 4), "cabc")
  end },
  { "a slow server gets what it can do and no more", function()
    -- a ends a request in 1 tick, b in 9: with 10 in flight, a ends 9 of 10.
    local list = peers(1, 1)
    local balancer, ends, done = new(list), {}, { a = 0, b = 0 }
    for tick = 1, 2000 do
      for _, peer in ipairs(ends[tick] or {}) do
        peer.in_flight, done[peer.key] = peer.in_flight - 1, done[peer.key] + 1
      end
      while list[1].in_flight + list[2].in_flight < 10 do
        local peer = balancer:pick()
        peer.in_flight = peer.in_flight + 1
        local at = tick + (peer.key == "a" and 1 or 9)
        ends[at] = ends[at] or {}
        table.insert(ends[at], peer)
      end
    end
    local ratio = done.a / done.b
    assert(ratio > 8 and ratio < 10, ratio)
  end },
  { "a server that was busy for long does not catch up on its turns", function()
    local list = peers(1, 1, 1)
    local balancer = new(list)
    list[1].in_flight = 1
    tap.equal(count(take(balancer, 3000), "a"), 0)
    list[1].in_flight = 0
    assert(count(take(balancer, 30), "a") <= 11)
  end },
  { "turns outlive a sync; a new server gets its share and no more", function()
    local whole, balancer, parts = take(new(peers(5, 3, 1)), 90), new(peers(5, 3, 1)), {}
    for i = 1, 90 do
      parts[i] = take(balancer, 1)
      balancer:sync(peers(5, 3, 1))
    end
    tap.equal(table.concat(parts), whole)
    balancer:sync(peers(5, 3, 1, 9))
    assert(math.abs(count(take(balancer, 180), "d") - 90) <= 1)
    balancer:sync(peers(1, 1, 1, 1))
    local text = take(balancer, 400)
    for key in ("abcd"):gmatch(".") do assert(math.abs(count(text, key) - 100) <= 2, text) end
  end },
  { "shares hold beyond the horizon at which turns are set back", function()
    local balancer = new(peers(2, 1))
    take(balancer, 30)
    balancer.now = balancer.now + 2 ^ 30
    for _, entry in ipairs(balancer.entries) do entry.turn = entry.turn + 2 ^ 30 end
    tap.equal(count(take(balancer, 300), "a"), 200)
    assert(balancer.now < 1000)
  end },
}
