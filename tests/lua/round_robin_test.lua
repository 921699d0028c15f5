local round_robin = require("orctl.balancer.round_robin")
local tap = require("tap")

local peers, take, count = tap.peers, tap.take, tap.count

return {
  { "equal weights are a plain rotation", function()
    tap.equal(take(round_robin.new(peers(1, 1, 1)), 9), "abcabcabc")
    tap.equal(take(round_robin.new(peers(7, 7), { turns = 0 }), 6), "ababab")
  end },
  { "a balancer without peers picks nothing", function()
    tap.equal(round_robin.new({}):pick(), nil)
    tap.equal(round_robin.new({}, { turns = 3 }):pick({}), nil)
  end },
  { "over the sum of the weights every peer gets its weight exactly", function()
    local random = tap.random(3)
    for _ = 1, 100 do
      local list, sum = {}, 0
      for i = 1, random(12) do
        list[i] = { key = i, weight = random(random(2) == 1 and 10 or 1000) }
        sum = sum + list[i].weight
      end
      local balancer, got = round_robin.new(list), {}
      for _ = 1, 2 do
        for i = 1, #list do got[i] = 0 end
        for _ = 1, sum do
          local key = balancer:pick().key
          got[key] = got[key] + 1
        end
        for i = 1, #list do tap.equal(got[i], list[i].weight) end
      end
    end
  end },
  { "turns lie evenly: no prefix is off by two or more", function()
    local random = tap.random(5)
    for _ = 1, 100 do
      local list, sum, got = {}, 0, {}
      for i = 1, random(8) + 1 do
        list[i], got[i] = { key = i, weight = random(20) }, 0
        sum = sum + list[i].weight
      end
      local balancer = round_robin.new(list)
      for n = 1, 3 * sum do
        local key = balancer:pick().key
        got[key] = got[key] + 1
        for i = 1, #list do
          assert(math.abs(got[i] - n * list[i].weight / sum) < 2, "pick " .. n)
        end
      end
    end
  end },
  { "the place in the rotation outlives a sync with the same peers", function()
    local list = peers(5, 3, 1)
    local whole = take(round_robin.new(list), 90)
    local balancer, parts = round_robin.new(list), {}
    for i = 1, 90 do
      parts[i] = take(balancer, 1)
      balancer:sync(peers(5, 3, 1))
    end
    tap.equal(table.concat(parts), whole)
  end },
  { "a new peer gets its share and no more, a removed one nothing", function()
    local balancer = round_robin.new(peers(1, 1))
    take(balancer, 1001)
    balancer:sync(peers(1, 1, 1))
    tap.equal(count(take(balancer, 300), "c"), 100)
    balancer:sync({ { key = "c", weight = 1 } })
    tap.equal(take(balancer, 5), "ccccc")
  end },
  { "a new weight counts from the next pick on", function()
    local balancer = round_robin.new(peers(1, 1))
    take(balancer, 999)
    balancer:sync(peers(9, 1))
    local got = count(take(balancer, 100), "a")
    assert(math.abs(got - 90) <= 1, got)
  end },
  { "a retry leaves out every peer that was tried", function()
    local balancer = round_robin.new(peers(10, 1, 1))
    for _ = 1, 50 do
      tap.equal(balancer:pick({ a = true, b = true }).key, "c")
      tap.equal(balancer:pick({ a = true, b = true, c = true }), nil)
    end
    tap.equal(count(take(balancer, 120), "a"), 100)
  end },
  { "two that are left share the turns of a dead one", function()
    local balancer, got = round_robin.new(peers(1, 1, 1)), { a = 0, b = 0, c = 0 }
    for _ = 1, 300 do
      local peer = balancer:pick()
      if peer.key == "a" then peer = balancer:pick({ a = true }) end
      got[peer.key] = got[peer.key] + 1
    end
    tap.equal(got, { a = 0, b = 150, c = 150 })
  end },
  { "a ring and the heap give the same turns", function()
    local random = tap.random(29)
    for _ = 1, 100 do
      local weights = {}
      for i = 1, random(6) do weights[i] = random(12) end
      local ring = round_robin.new(peers(unpack(weights)))
      local heap = round_robin.new(peers(unpack(weights)))
      heap.ring_length = nil
      tap.equal(take(ring, 300), take(heap, 300))
    end
  end },
  { "after any changes every round gives every peer its weight exactly", function()
    local random = tap.random(11)
    for _ = 1, 300 do
      local balancer = round_robin.new(peers(3, 1), { turns = random(5) })
      local list, sum
      for _ = 1, random(6) do
        for _ = 1, random(20) do balancer:pick() end
        list, sum = {}, 0
        for i = 1, random(6) do
          list[i] = { key = string.char(96 + i), weight = random(9) }
          sum = sum + list[i].weight
        end
        balancer:sync(list)
      end
      local text = take(balancer, 3 * sum)
      for _, peer in ipairs(list) do
        tap.equal(count(text, peer.key), 3 * peer.weight)
      end
    end
  end },
  { "turns taken in advance let workers begin at different peers", function()
    tap.equal(take(round_robin.new(peers(1, 1, 1), { turns = 2 }), 4), "cabc")
  end },
  { "weights too long for a ring are served alike, and one is left out as well", function()
    local balancer = round_robin.new(peers(997, 991, 983, 977, 971))
    tap.equal(balancer.ring_length, nil)
    local text = take(balancer, 4919)
    for i, weight in ipairs({ 997, 991, 983, 977, 971 }) do
      tap.equal(count(text, string.char(96 + i)), weight)
    end
    tap.equal(balancer:pick({ a = true, b = true, c = true, d = true }).key, "e")
    balancer:sync(peers(997, 991, 983, 977, 971))
    tap.equal(#take(balancer, 10), 10)
  end },
  { "shares hold beyond the horizon at which times start anew", function()
    local balancer = round_robin.new(peers(2, 1))
    balancer.ring_length = nil
    take(balancer, 30)
    balancer.now = 2 ^ 30
    for _, entry in ipairs(balancer.heap) do
      entry.base, entry.due = entry.base + 2 ^ 30, entry.due + 2 ^ 30
    end
    local text = take(balancer, 300)
    tap.equal(count(text, "a"), 200)
    assert(balancer.now < 1000)
  end },
}
