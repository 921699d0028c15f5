local router = require("orctl.router")
local tap = require("tap")

-- What the rule says, as slowly as it can be said.
local function oracle(routes, host, path)
  local best, best_class, best_path
  for _, route in ipairs(routes) do
    local class
    if not route.host then
      class = 0
    elseif route.host == host then
      class = 1000
    elseif route.host:sub(1, 1) == "*" then
      local suffix = route.host:sub(2)
      if #host > #suffix and host:sub(-#suffix) == suffix then class = #suffix end
    end
    if class and path:sub(1, #route.path) == route.path
      and (not best or class > best_class or (class == best_class and #route.path > best_path))
    then
      best, best_class, best_path = route.upstream, class, #route.path
    end
  end
  return best
end

return {
  { "an exact host goes before a wildcard, and a wildcard before no host", function()
    local r = router.compile({
      { path = "/", upstream = "any" }, { host = "*.test", path = "/", upstream = "wild" },
      { host = "a.test", path = "/", upstream = "exact" } })
    tap.equal(router.match(r, "a.test", "/"), "exact")
    tap.equal(router.match(r, "b.test", "/"), "wild")
    tap.equal(router.match(r, "x.a.test", "/"), "wild")
    tap.equal(router.match(r, "test", "/"), "any")
    tap.equal(router.match(r, "", "/"), "any")
  end },
  { "a host without a matching path leaves the request to the next class", function()
    local r = router.compile({
      { path = "/", upstream = "any" }, { host = "*.test", path = "/w", upstream = "short" },
      { host = "*.a.test", path = "/api", upstream = "long" },
      { host = "x.a.test", path = "/only", upstream = "exact" } })
    tap.equal(router.match(r, "x.a.test", "/only/1"), "exact")
    tap.equal(router.match(r, "x.a.test", "/api"), "long")
    tap.equal(router.match(r, "x.a.test", "/w"), "short")
    tap.equal(router.match(r, "x.a.test", "/z"), "any")
  end },
  { "a path is a plain prefix, and the longest wins", function()
    local r = router.compile({
      { path = "/api", upstream = "a" }, { path = "/api/v2", upstream = "b" } })
    tap.equal(router.match(r, "h", "/apical"), "a")
    tap.equal(router.match(r, "h", "/api/v2x"), "b")
    tap.equal(router.match(r, "h", "/ap"), nil)
  end },
  { "agrees with a naive oracle on 20,000 random requests", function()
    local random = tap.random(11)
    local labels, parts = { "a", "b", "c", "*" }, { "/", "a", "b", "ab", "/a" }
    local function host(wild)
      local list = {}
      for i = 1, random(3) do list[i] = labels[random(i == 1 and wild and 4 or 3)] end
      return table.concat(list, ".")
    end
    local function path()
      local text = "/"
      for _ = 1, random(4) - 1 do text = text .. parts[random(#parts)] end
      return text
    end
    for _ = 1, 200 do
      local routes, seen = {}, {}
      for i = 1, random(20) do
        local route = { host = random(3) > 1 and host(true) or nil, path = path(),
          upstream = "u" .. i }
        local key = (route.host or "") .. " " .. route.path
        if route.host ~= "*" and not seen[key] then
          seen[key] = true
          routes[#routes + 1] = route
        end
      end
      local compiled = router.compile(routes)
      for _ = 1, 100 do
        local h, p = host(), path()
        tap.equal(router.match(compiled, h, p), oracle(routes, h, p), h .. p)
      end
    end
  end },
  { "10,000 routes answer as quickly as 10, within a factor of 3", function()
    local function cost(n)
      local routes = {}
      for i = 1, n do
        routes[i] = { host = ("h%d.test"):format(i % 500), path = "/p" .. i, upstream = "u" }
      end
      local compiled = router.compile(routes)
      local best = math.huge
      for _ = 1, 7 do
        local t, hits = os.clock(), 0
        for i = 1, 100000 do
          local k = i % 10
          if router.match(compiled, routes[k + 1].host, routes[k + 1].path) then
            hits = hits + 1
          end
        end
        assert(hits == 100000)
        best = math.min(best, os.clock() - t)
      end
      return best
    end
    local small, large = cost(10), cost(10000)
    assert(large < 3 * small + 0.002, ("%.4f s against %.4f s"):format(large, small))
  end },
}
