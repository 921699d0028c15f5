local document = require("orctl.document.gateway")
local json = require("orctl.lib.json")
local tap = require("tap")

local GOOD = [[{"format":1,"upstreams":[{"name":"payment","balance":"round_robin",
"connect_timeout":"5s","send_timeout":"60s","read_timeout":"500ms","retries":2,
"health":{"type":"http","path":"/ping","interval":"3s","timeout":"2s","rise":2,"fall":3},"servers":[
{"address":"10.0.0.1:8080","weight":10},{"address":"[::1]:8080","weight":1,"backup":true}]}],
"routes":[{"host":"WWW.test1.com","path":"/","upstream":"payment"},
{"host":"*.test1.com","path":"/api","upstream":"payment"},{"path":"/","upstream":"payment"}]}]]

local function pointers(text)
  local _, _, faults = document.read(text)
  local list = {}
  for i, one in ipairs(faults or {}) do list[i] = one.pointer end
  return list
end

return {
  { "compiles a good document with its defaults", function()
    local compiled = assert(document.read(GOOD))
    local up = compiled.upstreams[1]
    tap.equal({ up.connect_timeout, up.send_timeout, up.read_timeout }, { 5, 60, 0.5 })
    tap.equal(up.servers[2], { address = "[::1]:8080", host = "[::1]", port = 8080, weight = 1,
      backup = true, key = "[0:0:0:0:0:0:0:1]:8080" })
    tap.equal(compiled.routes[1].host, "www.test1.com")
    local small = assert(document.read(
      '{"format":1,"upstreams":[{"name":"a","servers":[]}],"routes":[]}'))
    tap.equal(small.empty, "a")
    tap.equal({ small.upstreams[1].retries, small.upstreams[1].balance }, { 2, "round_robin" })
  end },
  { "reports every fault at once, each with its pointer", function()
    tap.equal(pointers([[{"format":2,"more~/":1,"upstreams":[
      {"name":"A","servers":[{"address":"localhost:80","weight":0,"backup":1}],"retries":11},
      {"name":"b","balance":"magic","servers":{},"read_timeout":"0s","send_timeout":"25h"},
      {"name":"c","servers":[{"address":"1.1.1.1:1"},{"address":"1.1.1.1:1"}]},
      {"name":"c","servers":[{}]}],
      "routes":[{"path":"x","upstream":"nobody"},{"path":"/","upstream":"b","host":"*"},
      {"path":"/","upstream":"b","host":"h"},{"path":"/","upstream":"c","host":"H"},7]}]]), {
      "/format", "/more~0~1",
      "/routes/0/path", "/routes/0/upstream", "/routes/1/host", "/routes/3", "/routes/4",
      "/upstreams/0/name", "/upstreams/0/retries", "/upstreams/0/servers/0/address",
      "/upstreams/0/servers/0/backup", "/upstreams/0/servers/0/weight",
      "/upstreams/1/balance", "/upstreams/1/read_timeout", "/upstreams/1/send_timeout",
      "/upstreams/1/servers", "/upstreams/2/servers/1/address", "/upstreams/3/name",
      "/upstreams/3/servers/0/address" })
  end },
  { "compiles how servers are chosen, and says which fields do not go together", function()
    local compiled = assert(document.read([[{"format":1,"upstreams":[{"name":"a","slow_start":"30s",
      "retry_budget":20,"all_down":"fail","balance":"least_conn","sticky":{"cookie":"route"},
      "servers":[{"address":"1.1.1.1:1","max_conns":9}]},
      {"name":"b","balance":"hash","hash":"arg:id","servers":[]}],"routes":[]}]]))
    local a, b = compiled.upstreams[1], compiled.upstreams[2]
    tap.equal({ a.slow_start, a.retry_budget, a.all_down, a.balance, a.servers[1].max_conns },
      { 30, 20, "fail", "least_conn", 9 })
    tap.equal(a.sticky, { cookie = "route", path = "/", secure = false, http_only = true })
    tap.equal({ b.hash, b.all_down }, { "arg:id", "try_all" })
    tap.equal(pointers([[{"format":1,"upstreams":[
      {"name":"a","balance":"hash","servers":[]},
      {"name":"b","hash":"uri","servers":[]},
      {"name":"c","balance":"ip_hash","hash":"uri","sticky":{"cookie":"c"},"servers":[]},
      {"name":"d","balance":"hash","hash":"x","sticky":{},"servers":[]},7],"routes":[]}]]), {
      "/upstreams/0/balance", "/upstreams/1/hash", "/upstreams/2/hash", "/upstreams/2/sticky",
      "/upstreams/3/hash", "/upstreams/3/sticky", "/upstreams/3/sticky/cookie", "/upstreams/4" })
    local _, err = document.read_upstream('{"name":"a","balance":"hash","servers":[]}')
    assert(err:find("^/balance: "), err)
  end },
  { "tells an empty object from an empty array, and looks through strings", function()
    tap.equal(pointers('{"format":1,"upstreams":[],"routes":{}}'), { "/routes" })
    tap.equal(pointers('{"format":1,"upstreams":{ },"routes":[]}'), { "/upstreams" })
    tap.equal(pointers('{"":null}'), { "/format", "/routes", "/upstreams" })
    tap.equal(pointers('{"format":1,"upstreams":[],"routes":[],"":1}'), { "/" })
    for _, path in ipairs({ "/{}", "/\\\\{}", "/\\\"{}", "/{}\\\\", "/\\\\\\\"{}" }) do
      local text = ('{"format":1,"upstreams":[{"name":"a","servers":[]}],"routes":[{"path":"%s",'
        .. '"upstream":"a"}]}'):format(path)
      local compiled, err = document.read(text)
      assert(compiled, err)
      tap.equal(pointers(text:gsub("%[%]", "{}")), { "/upstreams/0/servers" }, path)
    end
  end },
  { "refuses what is not JSON, and nesting beyond 64", function()
    for _, text in ipairs({ "", "{", "nul", "[1,]", '{"a":01x}', '{"a":NaN}', "\0", '{"a":1}x',
      ("["):rep(65) .. ("]"):rep(65), ("["):rep(100000) }) do
      local compiled, err, faults = document.read(text)
      tap.equal({ compiled, faults }, {}, text:sub(1, 20))
      assert(err:find("^not a JSON document"), err)
    end
    tap.equal(#pointers(("["):rep(64) .. ("]"):rep(64)), 1)
  end },
  { "keeps at most 1,000 faults and counts the rest", function()
    local text = '{"format":1,"upstreams":[],"routes":[' .. ("7,"):rep(4999) .. "7]}"
    local _, err, faults = document.read(text)
    tap.equal({ #faults, faults.count }, { 1000, 5000 })
    assert(err:find("and 4999 more", 1, true), err)
  end },
  { "4,000 mutated documents are answered and never raise", function()
    local random = tap.random(17)
    local bits = { "{", "}", "[", "]", ",", ":", '"', "\\", "null", "true", "1e999", "-1", "{}",
      "[]", '"x"', "\0", "\255", "0", "9999999999", '"a":', " " }
    for _ = 1, 4000 do
      local text = GOOD
      for _ = 1, random(4) do
        local at = random(#text)
        local bit = bits[random(#bits)]
        text = text:sub(1, at - 1) .. bit .. text:sub(at + random(6) - 1)
      end
      local ok, compiled, err = pcall(document.read, text)
      assert(ok and (compiled or type(err) == "string"), text)
      if not compiled then assert(json.decode(json.encode(json.array({ err })))) end
    end
  end },
  { "2,000 documents with one value exchanged never raise", function()
    local random = tap.random(23)
    local values = { json.null, 1, 1.5, -1, 1e300, "", "x", true, false, {}, { 1 }, { a = 1 },
      ("a"):rep(2000) }
    local function exchange(value)
      if type(value) ~= "table" or random(4) == 1 then
        return values[random(#values)]
      end
      local keys = {}
      for key in pairs(value) do keys[#keys + 1] = key end
      if #keys > 0 then
        local key = keys[random(#keys)]
        value[key] = exchange(value[key])
      end
      return value
    end
    for _ = 1, 2000 do
      local value = exchange(json.decode(GOOD))
      local ok, faults = pcall(document.check, value)
      assert(ok, faults)
      if faults.count == 0 then document.compile(value) end
    end
  end },
}
