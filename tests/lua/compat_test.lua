local compat = require("orctl.document.compat")
local document = require("orctl.document.gateway")
local json = require("orctl.lib.json")
local tap = require("tap")

local function fixture()
  local file = assert(io.open(tap.root .. "/tests/gateway/host-balancer.json"))
  local value = json.decode(file:read("*a"))
  file:close()
  return value
end

local function copy(value)
  return json.unpack(json.pack(value))
end

local function changed(change)
  local value = fixture()
  change(value)
  return value
end

local function pointers(faults)
  local list = json.array()
  for i, one in ipairs(faults) do list[i] = one.pointer end
  return list
end

local function words(pick, alphabet, least, most)
  local out = {}
  for i = 1, least + pick(most - least + 1) - 1 do
    local at = pick(#alphabet)
    out[i] = alphabet:sub(at, at)
  end
  return table.concat(out)
end

-- A sound Host-header document. `plain` names are such that an upstream can have them.
local function generate(pick, plain)
  local value = { backends = json.array(), hosts = json.array() }
  for i = 1, pick(6) - 1 do
    local servers = json.array()
    for j = 1, pick(4) do
      servers[j] = { addr = pick(4) == 1 and ("fd00::%d:%d"):format(i, j)
        or ("10.0.%d.%d"):format(i, j), port = pick(65535),
        weight = pick(3) > 1 and pick(1000) or nil }
    end
    local name = plain and words(pick, "abcxyz", 1, 5) .. i or words(pick, "aB1 ._-/", 1, 12) .. i
    local kind = pick(3)
    value.backends[i] = { backend_name = name, servers = servers,
      health_check = kind == 1 and { enable = false } or { enable = true,
        type = kind == 2 and "tcp" or "http",
        uri = kind == 3 and "/" .. words(pick, "ab/.", 0, 5) or nil,
        interval = pick(60), timeout = pick(9) / 2, success = pick(9), fail = pick(9) } }
  end
  for i = 1, #value.backends > 0 and pick(5) - 1 or 0 do
    value.hosts[i] = { host = ("h%d.y%s"):format(i, words(pick, "abC", 0, 3) .. "-x.test"),
      backend_name = value.backends[pick(#value.backends)].backend_name }
  end
  return value
end

local whole = {
  format = 1,
  upstreams = {
    { name = "backend1", servers = { { address = "127.0.0.1:10001" } },
      health = { type = "tcp", interval = "3s", timeout = "2s", rise = 2, fall = 3 } },
    { name = "backend2",
      servers = { { address = "127.0.0.1:10001", weight = 10 },
        { address = "127.0.0.1:10002", weight = 1 } },
      health = { type = "http", path = "/ping", interval = "3s", timeout = "2s", rise = 2,
        fall = 3 } },
  },
  routes = {
    { host = "www.test1.com", path = "/", upstream = "backend1" },
    { host = "www.test2.com", path = "/", upstream = "backend2" },
  },
}

return {
  { "the sample becomes a gateway document, and comes back as it was", function()
    local made = compat.from(fixture())
    tap.equal(made, whole)
    tap.equal(compat.to(made), fixture())
    local compiled, bytes = compat.take(fixture())
    tap.equal(json.decode(bytes), whole)
    tap.equal(compiled, document.read(bytes))
  end },
  { "1000 documents there and back are what they were, and sound in between", function()
    local pick = tap.random(11)
    for _ = 1, 1000 do
      local value = generate(pick, true)
      tap.equal(compat.check(value).count, 0, json.pack(value))
      local made = copy(compat.from(value))
      tap.equal(document.check(made).count, 0, json.pack(made))
      tap.equal(compat.to(made), value)
    end
  end },
  { "1000 documents with names of any kind lead each host to its own servers", function()
    local pick = tap.random(12)
    for _ = 1, 1000 do
      local value = generate(pick, false)
      tap.equal(compat.check(value).count, 0, json.pack(value))
      local made, servers = compat.from(value), {}
      tap.equal(document.check(made).count, 0, json.pack(made))
      for i, one in ipairs(value.backends) do
        servers[one.backend_name] = made.upstreams[i].servers
      end
      for i, one in ipairs(value.hosts) do
        for _, upstream in ipairs(made.upstreams) do
          if upstream.name == made.routes[i].upstream then
            tap.equal(upstream.servers, servers[one.backend_name])
          end
        end
      end
    end
  end },
  { "a gateway document that says its defaults aloud comes back with the same meaning", function()
    local full = copy(whole)
    for _, one in ipairs(full.upstreams) do
      one.balance, one.retries, one.connect_timeout = "round_robin", 2, "5000ms"
      one.send_timeout, one.read_timeout = "1m", "60s"
      for _, peer in ipairs(one.servers) do peer.backup = false end
    end
    full.upstreams[1].health.path = "/"
    full.upstreams[2].health.interval = "1500ms"
    local back = assert(compat.to(full))
    tap.equal(back.backends[2].health_check.interval, 1.5)
    tap.equal(document.compile(compat.from(back)), document.compile(full))
  end },
  { "what a Host-header document cannot say is named, one by one", function()
    local function told(change)
      local value = copy(whole)
      change(value)
      tap.equal(document.check(value).count, 0)
      local back, faults = compat.to(value)
      tap.equal(back, nil)
      return pointers(faults)
    end
    local cases = {
      { "/upstreams/0/retries", function(v) v.upstreams[1].retries = 0 end },
      { "/upstreams/1/read_timeout", function(v) v.upstreams[2].read_timeout = "59s" end },
      { "/upstreams/1/servers/1/backup", function(v) v.upstreams[2].servers[2].backup = true end },
      { "/upstreams/0/health/status", function(v) v.upstreams[1].health.status = { 204 } end },
      { "/upstreams/1/outlier", function(v) v.upstreams[2].outlier = { max_ejected = 10 } end },
      { "/routes/0/path", function(v) v.routes[1].path = "/api/" end },
      { "/routes/0/methods", function(v) v.routes[1].methods = json.array({ "GET" }) end },
      { "/routes/0/redirect", function(v)
        v.routes[1].upstream = nil
        v.routes[1].redirect = { target = "https://{host}/", status = 301 }
      end },
      { "/routes/1", function(v) v.routes[2].host = nil end },
      { "/routes/1", function(v) v.routes[2].host = "*.test2.com" end },
    }
    for _, case in ipairs(cases) do tap.equal(told(case[2]), { case[1] }) end
    local all = told(function(v)
      for _, case in ipairs(cases) do case[2](v) end
    end)
    for _, case in ipairs(cases) do
      tap.equal((" " .. table.concat(all, " ") .. " "):find(" " .. case[1] .. " ", 1, true) ~= nil,
        true, case[1])
    end
    tap.equal(told(function(v) v.upstreams[1].health.checks = { { name = "a" } } end),
      { "/upstreams/0/health/checks" })
    tap.equal(told(function(v) v.upstreams[1].health.flap = { after = 1 } end),
      { "/upstreams/0/health/flap" })
    tap.equal(told(function(v) v.upstreams[1].health.type = "latency" end),
      { "/upstreams/0/health/type" })
  end },
  { "no health check, one that is off, and what one leaves out", function()
    local value = changed(function(v)
      v.backends[1].health_check = nil
      v.backends[2].health_check = { type = "http" }
    end)
    local made = compat.from(value)
    tap.equal({ made.upstreams[1].health, made.upstreams[2].health }, {})
    value.backends[2].health_check = { enable = true }
    tap.equal(compat.from(value).upstreams[2].health,
      { type = "tcp", interval = "1s", timeout = "1s", rise = 1, fall = 1 })
  end },
  { "faults have the place in their pointer", function()
    for _, case in ipairs({
      { { "/backend" }, function(v) v.backend = 1 end },
      { { "/hosts" }, function(v) v.hosts = nil end },
      { { "/backends", "/hosts/0/backend_name", "/hosts/1/backend_name" },
        function(v) v.backends = json.decode("{}") end },
      { { "/backends/1/health_check/intervall" },
        function(v) v.backends[2].health_check.intervall = 3 end },
      { { "/backends/0/servers/0/port" }, function(v) v.backends[1].servers[1].port = 0 end },
      { { "/backends/0/servers/0/port" }, function(v) v.backends[1].servers[1].port = 65536 end },
      { { "/backends/0/servers/0/port" }, function(v) v.backends[1].servers[1].port = "80" end },
      { { "/backends/0/servers/0/addr" },
        function(v) v.backends[1].servers[1].addr = "a.test" end },
      { { "/backends/1/servers/0/weight" }, function(v) v.backends[2].servers[1].weight = 0 end },
      { { "/backends/1/servers/1" }, function(v) v.backends[2].servers[2].port = 10001 end },
      { { "/backends/1/backend_name", "/hosts/1/backend_name" },
        function(v) v.backends[2].backend_name = "backend1" end },
      { { "/hosts/0/backend_name" }, function(v) v.hosts[1].backend_name = "backend3" end },
      { { "/hosts/1/host" }, function(v) v.hosts[2].host = "WWW.test1.com" end },
      { { "/hosts/1/host" }, function(v) v.hosts[2].host = "*.test2.com" end },
      { { "/hosts/1/host" }, function(v) v.hosts[2].host = "www.test2.com:80" end },
      { { "/backends/0/health_check/interval", "/backends/0/health_check/timeout" },
        function(v)
          v.backends[1].health_check.interval = 0
          v.backends[1].health_check.timeout = 0.0005
        end },
      { { "/backends/1/health_check/uri" },
        function(v) v.backends[2].health_check.uri = "ping" end },
      { { "/backends/1/health_check/type" },
        function(v) v.backends[2].health_check.type = "udp" end },
      { { "/backends/0/backend_name", "/hosts/0/backend_name" },
        function(v) v.backends[1].backend_name = "a\nb" end },
    }) do
      tap.equal(pointers(compat.check(changed(case[2]))), case[1])
    end
    local compiled, reason, faults = compat.take(changed(function(v)
      v.hosts[1].backend_name = "x"
    end))
    tap.equal({ compiled, reason, #faults },
      { nil, "/hosts/0/backend_name: there is no backend \"x\"", 1 })
  end },
  { "names are mapped to ones that are free, and good ones stay", function()
    local long = ("A"):rep(70)
    local list = {}
    for i, name in ipairs({ "Web", "web", "web-2", "we b", "9", "b-9", "a.b", "a/b", "_", long,
      long .. "b", "ok-1_x" }) do
      list[i] = { backend_name = name }
    end
    local map = compat.names(list)
    tap.equal(map, { Web = "web-3", web = "web", ["web-2"] = "web-2", ["we b"] = "we-b",
      ["9"] = "b-9-2", ["b-9"] = "b-9", ["a.b"] = "a-b", ["a/b"] = "a-b-2", _ = "b-_",
      [long] = ("a"):rep(64), [long .. "b"] = ("a"):rep(62) .. "-2", ["ok-1_x"] = "ok-1_x" })
  end },
  { "the two kinds of document are told apart by their members", function()
    tap.equal(compat.is_meant(fixture()), true)
    tap.equal(compat.is_meant({ hosts = 1 }), true)
    for _, value in ipairs({ whole, {}, "x", { backends = {}, format = 1 },
      { routes = {}, hosts = {} } }) do
      tap.equal(compat.is_meant(value), false)
    end
  end },
  { "20000 documents with something wrong in them raise nothing", function()
    local pick = tap.random(13)
    local odd = { json.null, true, 0, -1, 1.5, 1e300, "", "x", json.array(), { a = 1 }, { {} } }
    local sound = 0
    for _ = 1, 20000 do
      local value = fixture()
      for _ = 1, pick(3) do
        local at = value
        while true do
          local names = {}
          for name in pairs(at) do names[#names + 1] = name end
          table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
          local name = names[pick(math.max(#names, 1))]
          if not name then break end
          if type(at[name]) ~= "table" or pick(4) == 1 then
            at[name] = odd[pick(#odd)]
            break
          end
          at = at[name]
        end
      end
      if compat.take(value) then sound = sound + 1 end
    end
    assert(sound > 100 and sound < 10000, sound)
  end },
}
