local router = require("orctl.route.router")
local tap = require("tap")

-- A request as match() asks for it; counts how often it was asked.
local function request(method, headers)
  local asked = { 0 }
  return { asked = asked,
    method = function() asked[1] = asked[1] + 1 return method or "GET" end,
    header = function(name) asked[1] = asked[1] + 1 return (headers or {})[name] end }
end

local function upstream(r, host, path, method, headers)
  local route = router.match(r, host, path, request(method, headers))
  -- The quick ways must never say anything else.
  local quick = r.only or router.match_host(r, host)
  if quick then tap.equal(quick == route, true, "the quick way") end
  return route and route.upstream
end

-- What the rule says, as slowly as it can be said: every route gets a rank, and the highest wins.
local function host_rank(route, host)
  local best
  local hosts = route.hosts or { route.host }
  if not hosts[1] then return 0 end
  for _, one in ipairs(hosts) do
    local suffix = one:match("^%*(.+)$")
    if one == host then best = 1000 end
    if suffix and #host > #suffix and host:sub(-#suffix) == suffix then
      best = math.max(best or 0, #suffix)
    end
  end
  return best
end

local function answers(route, path, method, headers)
  if route.exact and path ~= route.path or path:sub(1, #route.path) ~= route.path
    or route.methods and not route.methods[method] then
    return false
  end
  for _, one in ipairs(route.headers or {}) do
    local value = headers[one[1]]
    if not value or one[2] == "equals" and value ~= one[3]
      or one[2] == "prefix" and value:find(one[3], 1, true) ~= 1 then
      return false
    end
  end
  return true
end

local function oracle(routes, host, path, method, headers)
  local best, best_rank
  for i, route in ipairs(routes) do
    local class = host_rank(route, host)
    if class and answers(route, path, method, headers) then
      local rank = { class, route.exact and 1 or 0, #route.path, route.methods and 1 or 0,
        #(route.headers or {}), -i }
      local higher = not best
      for k = 1, #rank do
        if best and rank[k] ~= best_rank[k] then
          higher = rank[k] > best_rank[k]
          break
        end
      end
      if higher then best, best_rank = route, rank end
    end
  end
  return best and best.upstream
end

return {
  { "an exact host goes before a wildcard, and a wildcard before no host", function()
    local r = router.compile({
      { path = "/", upstream = "any" }, { host = "*.test", path = "/", upstream = "wild" },
      { host = "a.test", path = "/", upstream = "exact" } })
    tap.equal(upstream(r, "a.test", "/"), "exact")
    tap.equal(upstream(r, "b.test", "/"), "wild")
    tap.equal(upstream(r, "x.a.test", "/"), "wild")
    tap.equal(upstream(r, "test", "/"), "any")
    tap.equal(upstream(r, "", "/"), "any")
  end },
  { "a host without a matching path leaves the request to the next class", function()
    local r = router.compile({
      { path = "/", upstream = "any" }, { host = "*.test", path = "/w", upstream = "short" },
      { host = "*.a.test", path = "/api", upstream = "long" },
      { host = "x.a.test", path = "/only", upstream = "exact" } })
    tap.equal(upstream(r, "x.a.test", "/only/1"), "exact")
    tap.equal(upstream(r, "x.a.test", "/api"), "long")
    tap.equal(upstream(r, "x.a.test", "/w"), "short")
    tap.equal(upstream(r, "x.a.test", "/z"), "any")
  end },
  { "a path is a plain prefix, and the longest wins", function()
    local r = router.compile({
      { path = "/api", upstream = "a" }, { path = "/api/v2", upstream = "b" } })
    tap.equal(upstream(r, "h", "/apical"), "a")
    tap.equal(upstream(r, "h", "/api/v2x"), "b")
    tap.equal(upstream(r, "h", "/ap"), nil)
  end },
  { "an exact path goes before any prefix, and answers nothing else", function()
    local r = router.compile({
      { path = "/", upstream = "root" }, { path = "/", exact = true, upstream = "home" },
      { path = "/a/b", upstream = "long" }, { path = "/a", exact = true, upstream = "a" } })
    tap.equal(upstream(r, "h", "/"), "home")
    tap.equal(upstream(r, "h", "/a"), "a")
    tap.equal(upstream(r, "h", "/a/b"), "long")
    tap.equal(upstream(r, "h", "/a/"), "root")
  end },
  { "of one path, methods go before headers, more headers before fewer, then the order", function()
    local x, y = { "http_x", "equals", "1" }, { "http_y", "present", "*" }
    local r = router.compile({
      { path = "/", upstream = "plain" }, { path = "/", headers = { x }, upstream = "x" },
      { path = "/", headers = { y }, upstream = "y" },
      { path = "/", headers = { x, y }, upstream = "xy" },
      { path = "/", methods = { POST = true }, upstream = "post" },
      { path = "/", methods = { POST = true, PUT = true }, upstream = "write" } })
    tap.equal(upstream(r, "h", "/"), "plain")
    tap.equal(upstream(r, "h", "/", "GET", { http_x = "1" }), "x")
    tap.equal(upstream(r, "h", "/", "GET", { http_x = "2" }), "plain")
    tap.equal(upstream(r, "h", "/", "GET", { http_y = "" }), "y")
    tap.equal(upstream(r, "h", "/", "GET", { http_x = "1", http_y = "q" }), "xy")
    tap.equal(upstream(r, "h", "/", "POST", { http_x = "1", http_y = "q" }), "post")
    tap.equal(upstream(r, "h", "/", "PUT"), "write")
  end },
  { "a longer path whose method or header does not fit leaves it to a shorter one", function()
    local r = router.compile({
      { path = "/", upstream = "root" },
      { path = "/a", exact = true, methods = { PUT = true }, upstream = "exact" },
      { path = "/a", headers = { { "http_x", "prefix", "can" } }, upstream = "canary" },
      { host = "h", path = "/a/b", methods = { PUT = true }, upstream = "host" } })
    tap.equal(upstream(r, "h", "/a", "PUT"), "exact")
    tap.equal(upstream(r, "h", "/a"), "root")
    tap.equal(upstream(r, "h", "/a", "GET", { http_x = "canary" }), "canary")
    tap.equal(upstream(r, "h", "/a/b", "PUT"), "host")
    tap.equal(upstream(r, "h", "/a/b", "GET", { http_x = "can" }), "canary")
    tap.equal(upstream(r, "h", "/a/b", "GET", { http_x = "ca" }), "root")
  end },
  { "method and headers are read only where a route of that host and path asks", function()
    local r = router.compile({
      { path = "/", upstream = "any" }, { host = "h", path = "/", upstream = "h" },
      { host = "m", path = "/a", methods = { PUT = true }, upstream = "m" },
      { host = "m", path = "/", upstream = "rest" } })
    for _, host in ipairs({ "h", "x", "m" }) do
      local one = request()
      router.match(r, host, "/", one)
      tap.equal(one.asked[1], 0, host)
    end
    local one = request()
    tap.equal(router.match(r, "m", "/a", one).upstream, "rest")
    tap.equal(one.asked[1], 1)
  end },
  { "agrees with a naive oracle on 20,000 random requests", function()
    local random = tap.random(11)
    local labels, parts = { "a", "b", "c", "*" }, { "/", "a", "b", "ab", "/a" }
    local methods, kinds = { "GET", "PUT", "POST" }, { "equals", "prefix", "present" }
    local names, values = { "http_x", "http_y" }, { "", "1", "12", "2" }
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
    local function conditions(route)
      if random(3) == 1 then
        route.methods = { [methods[random(3)]] = true, [methods[random(3)]] = true }
      end
      for i = 1, random(3) - 1 do
        route.headers = route.headers or {}
        route.headers[i] = { names[i], kinds[random(3)], values[random(4)] }
      end
      return route
    end
    local found = 0
    for _ = 1, 200 do
      local routes = {}
      for i = 1, random(25) do
        local one, other = host(true), host(true)
        local route = conditions({ path = path(), exact = random(4) == 1 or nil,
          upstream = "u" .. i })
        if random(4) == 1 and one ~= other then
          route.hosts = { one, other }
        elseif random(3) > 1 then
          route.host = one
        end
        if not ((" "):rep(2) .. table.concat(route.hosts or { route.host or "" }, "  ") .. "  ")
          :find("  *  ", 1, true) then
          routes[#routes + 1] = route
        end
      end
      local compiled = router.compile(routes)
      for _ = 1, 100 do
        local h, p, method, headers = host(), path(), methods[random(3)], {}
        for _, name in ipairs(names) do headers[name] = values[random(8)] end
        local got = upstream(compiled, h, p, method, headers)
        found = found + (got and 1 or 0)
        tap.equal(got, oracle(routes, h, p, method, headers), h .. p)
      end
    end
    assert(found > 5000, found)
  end },
  { "10,000 routes answer as quickly as 10, within a factor of 3", function()
    local function cost(n)
      local routes = {}
      for i = 1, n do
        routes[i] = { host = ("h%d.test"):format(i % 500), path = "/p" .. i, upstream = "u",
          methods = i % 2 == 1 and { GET = true } or nil }
      end
      local compiled, one = router.compile(routes), request()
      local best = math.huge
      for _ = 1, 7 do
        local t, hits = os.clock(), 0
        for i = 1, 100000 do
          local k = i % 10
          if router.match(compiled, routes[k + 1].host, routes[k + 1].path, one) then
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
