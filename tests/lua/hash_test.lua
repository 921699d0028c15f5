local hash = require("orctl.balancer.hash")
local ip_hash = require("orctl.balancer.ip_hash")
local tap = require("tap")

local KEYS = 20000

local function peers(weights)
  local list = {}
  for i, weight in ipairs(weights) do
    list[i] = { key = ("10.0.0.%d:8080"):format(i), weight = weight }
  end
  return list
end

local function key_of(i)
  return "user-" .. i
end

-- Who has which key, and how many each has.
local function map(balancer, out)
  local owner, share = {}, {}
  for i = 1, KEYS do
    local key = balancer:pick(out, key_of(i)).key
    owner[i], share[key] = key, (share[key] or 0) + 1
  end
  return owner, share
end

local function without(list, n)
  local rest = {}
  for i, peer in ipairs(list) do
    if i ~= n then rest[#rest + 1] = peer end
  end
  return rest
end

return {
  { "a key stays where it is, in every worker and in any order of the servers", function()
    local list = peers({ 1, 2, 3, 4 })
    local owner = map(hash.new(list))
    local turned = { list[3], list[1], list[4], list[2] }
    tap.equal(map(hash.new(turned)), owner)
    local balancer = hash.new(list)
    map(balancer)
    balancer:sync(turned)
    tap.equal(map(balancer), owner)
  end },
  { "and from version to version: these are written down", function()
    local balancer, got = hash.new(peers({ 1, 1, 1, 1 })), {}
    for i = 1, 12 do got[i] = balancer:pick(nil, key_of(i)).key:match("(%d):") end
    tap.equal(table.concat(got), "443313411433")
  end },
  { "shares match weights", function()
    for _, weights in ipairs({ { 1, 1, 1, 1 }, { 10, 1 }, { 1, 2, 3, 4 }, { 1000, 500, 100 } }) do
      local sum = 0
      for _, weight in ipairs(weights) do sum = sum + weight end
      local _, share = map(hash.new(peers(weights)))
      for i, peer in ipairs(peers(weights)) do
        local wanted = KEYS * weights[i] / sum
        assert(math.abs(share[peer.key] - wanted) < 5 * math.sqrt(wanted), share[peer.key])
      end
    end
  end },
  { "a removed server moves only its own keys, and to all that are left", function()
    local list = peers({ 3, 1, 2, 5, 1, 1 })
    local balancer = hash.new(list)
    local before = map(balancer)
    for n = 1, #list do
      balancer:sync(without(list, n))
      local after, gained = map(balancer), {}
      for i = 1, KEYS do
        if before[i] == list[n].key then
          gained[after[i]] = true
        else
          tap.equal(after[i], before[i])
        end
      end
      for _, peer in ipairs(without(list, n)) do assert(gained[peer.key]) end
      tap.equal(map(hash.new(without(list, n))), after)
    end
  end },
  { "an added server takes its part, from all, and moves nothing else", function()
    local list = peers({ 1, 1, 1, 1, 4 })
    local balancer = hash.new(without(list, 5))
    local before = map(balancer)
    balancer:sync(list)
    local after, share = map(balancer)
    local lost = {}
    for i = 1, KEYS do
      if after[i] ~= before[i] then
        tap.equal(after[i], list[5].key)
        lost[before[i]] = (lost[before[i]] or 0) + 1
      end
    end
    assert(math.abs(share[list[5].key] - KEYS / 2) < KEYS / 40, share[list[5].key])
    for n = 1, 4 do assert(math.abs(lost[list[n].key] - KEYS / 8) < KEYS / 40) end
  end },
  { "a new weight moves keys to or from that server alone", function()
    local list, heavier = peers({ 1, 1, 1 }), peers({ 1, 2, 1 })
    local balancer = hash.new(list)
    local before = map(balancer)
    balancer:sync(heavier)
    local after, moved = map(balancer), 0
    for i = 1, KEYS do
      if after[i] ~= before[i] then
        tap.equal(after[i], heavier[2].key)
        moved = moved + 1
      end
    end
    assert(math.abs(moved - KEYS / 6) < KEYS / 40, moved)
    balancer:sync(list)
    tap.equal(map(balancer), before)
  end },
  { "left out is as if removed, so a server that comes back finds its keys", function()
    local list = peers({ 1, 2, 1, 1 })
    local balancer = hash.new(list)
    local before = map(balancer)
    tap.equal(map(balancer, { [list[2].key] = true }), map(hash.new(without(list, 2))))
    tap.equal(map(balancer), before)
  end },
  { "a key comes once to a server that starts slowly, and stays", function()
    local list = peers({ 1, 1, 1 })
    local balancer = hash.new(list)
    local whole, had = map(balancer), {}
    for _, ramp in ipairs({ 0.01, 0.1, 0.5, 0.9 }) do
      list[2].ramp = ramp
      local owner, share = map(balancer)
      for i = 1, KEYS do
        if owner[i] == list[2].key then
          had[i] = true
          tap.equal(whole[i], list[2].key)
        else
          assert(not had[i])
        end
      end
      local part = (share[list[2].key] or 0) / KEYS * 3
      assert(math.abs(part - ramp) < 0.05, part)
    end
  end },
  { "1,000 servers share within reason", function()
    local weights = {}
    for i = 1, 1000 do weights[i] = 1 end
    local balancer, share = hash.new(peers(weights)), {}
    for i = 1, 100000 do
      local key = balancer:pick(nil, key_of(i)).key
      share[key] = (share[key] or 0) + 1
    end
    for _, peer in ipairs(balancer.peers) do
      assert(share[peer.key] > 20 and share[peer.key] < 250, share[peer.key])
    end
  end },
  { "keys of any bytes and lengths spread", function()
    local balancer, share = hash.new(peers({ 1, 1 })), {}
    for i = 1, 2000 do
      local key = balancer:pick(nil, ("\0"):rep(i)).key
      share[key] = (share[key] or 0) + 1
    end
    assert(share["10.0.0.1:8080"] > 850 and share["10.0.0.2:8080"] > 850)
    assert(balancer:pick(nil, ""))
  end },
  { "ip_hash: clients of one IPv4 network go together, IPv6 clients by their whole address",
    function()
      local balancer, seen = ip_hash.new(peers({ 1, 1, 1 })), {}
      local six = {}
      for net = 0, 255 do
        local first = balancer:pick(nil, string.char(10, 1, net, 0)).key
        seen[first] = true
        for host = 1, 255 do
          tap.equal(balancer:pick(nil, string.char(10, 1, net, host)).key, first)
        end
        six[balancer:pick(nil, ("\32"):rep(15) .. string.char(net)).key] = true
      end
      for _, peer in ipairs(balancer.peers) do assert(seen[peer.key] and six[peer.key]) end
      tap.equal(balancer:pick({ ["10.0.0.1:8080"] = true, ["10.0.0.2:8080"] = true },
        "\1\2\3\4").key, "10.0.0.3:8080")
    end },
}
