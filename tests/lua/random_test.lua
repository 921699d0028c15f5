local draw = require("orctl.balancer.draw")
local random = require("orctl.balancer.random")
local tap = require("tap")

local peers = tap.peers

local function chance(seed)
  local next_number = tap.random(seed)
  return function() return (next_number(2147483646) - 1) / 2147483646 end
end

local function new(list, seed)
  return random.new(list, { random = chance(seed), in_flight = function(p) return p.in_flight end })
end

local function near(got, wanted)
  assert(math.abs(got - wanted) < 5 * math.sqrt(wanted), got .. " for " .. wanted)
end

return {
  { "shares of an idle upstream match weights", function()
    for seed, list in ipairs({ peers(1, 1, 1), peers(10, 1), peers(5, 4, 3, 2, 1) }) do
      local balancer, got, sum = new(list, seed), {}, 0
      for _, peer in ipairs(list) do sum = sum + peer.weight end
      for _ = 1, 30000 do
        local key = balancer:pick().key
        got[key] = (got[key] or 0) + 1
      end
      for _, peer in ipairs(list) do near(got[peer.key], 30000 * peer.weight / sum) end
    end
  end },
  { "of two the one with less in flight for its weight is picked", function()
    local list = peers(4, 1)
    local balancer = new(list, 3)
    list[1].in_flight, list[2].in_flight = 5, 1
    for _ = 1, 50 do tap.equal(balancer:pick().key, "b") end
    list[2].in_flight = 2
    for _ = 1, 50 do tap.equal(balancer:pick().key, "a") end
  end },
  { "among many the most loaded is never picked, and load stays near even", function()
    local list = peers(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    local balancer = new(list, 5)
    list[4].in_flight = 1000
    for _ = 1, 2000 do
      local peer = balancer:pick()
      peer.in_flight = peer.in_flight + 1
    end
    tap.equal(list[4].in_flight, 1000)
    for i, peer in ipairs(list) do
      if i ~= 4 then assert(math.abs(peer.in_flight - 2000 / 9) <= 10, peer.in_flight) end
    end
  end },
  { "what is left of a draw keeps its weights, whichever way it is drawn", function()
    local list = peers(1000, 3, 2, 1)
    local urn, got = draw.new(list, chance(9)), { b = 0, c = 0, d = 0 }
    for _ = 1, 12000 do
      local key = urn:one(nil, list[1]).key
      got[key] = got[key] + 1
    end
    near(got.b, 6000); near(got.c, 4000); near(got.d, 2000)
    tap.equal(urn:one({ b = true, c = true, d = true }, list[1]), nil)
  end },
}
