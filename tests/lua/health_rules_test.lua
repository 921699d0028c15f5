local document = require("orctl.document.gateway")
local json = require("orctl.lib.json")
local rules = require("orctl.health.rules")
local tap = require("tap")

rules.set_modules("")

local function read(health, outlier)
  local function part(name, text) return text and (',"%s":%s'):format(name, text) or "" end
  return document.read(('{"format":1,"routes":[],"upstreams":[{"name":"u","servers":[]%s%s}]}')
    :format(part("health", health), part("outlier", outlier)))
end

local function pointers(health)
  local _, _, faults = read(health)
  local list = {}
  for i, one in ipairs(faults or {}) do
    list[i] = one.pointer:gsub("^/upstreams/0/health", "")
  end
  return list
end

return {
  { "one check stands in health itself", function()
    local health = assert(read('{"type":"http"}')).upstreams[1].health
    tap.equal({ #health.checks, health.need, health.checks[1].name }, { 1, 1, "http" })
    local check = health.checks[1]
    tap.equal({ check.interval, check.timeout, check.rise, check.fall, check.jitter, check.path,
      check.method, check.status }, { 3, 2, 2, 3, 0.1, "/", "GET", { { 200, 399 } } })
    tap.equal(health.flap, { after = 3, window = 60, hold = 60, max_hold = 600 })
  end },
  { "several checks take from health what they do not say", function()
    local health = assert(read([[{"type":"http","interval":"1s","path":"/a","rise":5,"checks":[
      {"name":"x"},{"name":"y","path":"/b","interval":"500ms","status":["200-299",404]},
      {"name":"z","type":"tcp","rise":1}]}]])).upstreams[1].health
    local x, y, z = unpack(health.checks)
    tap.equal({ x.name, x.type, x.path, x.interval, x.rise }, { "x", "http", "/a", 1, 5 })
    tap.equal({ y.path, y.interval, y.rise, y.status }, { "/b", 0.5, 5,
      { { 200, 299 }, { 404, 404 } } })
    tap.equal({ z.type, z.rise, health.need }, { "tcp", 1, 3 })
  end },
  { "require and min say how many checks must be good", function()
    for text, need in pairs({ ['"require":"all"'] = 2, ['"require":"any"'] = 1, ['"min":2'] = 2,
      ['"min":1'] = 1 }) do
      local health = assert(read('{"type":"tcp","checks":[{"name":"a"},{"name":"b"}],' .. text
        .. '}')).upstreams[1].health
      tap.equal(health.need, need, text)
    end
  end },
  { "every fault has its pointer", function()
    for text, wanted in pairs({
      ['{}'] = "/type",
      ['{"interval":"1s"}'] = "/type",
      ['{"type":"icmp"}'] = "/type",
      ['{"checks":[{"name":"a"}]}'] = "/checks/0/type",
      ['{"type":"tcp","checks":[]}'] = "/checks",
      ['{"type":"tcp","checks":[{}]}'] = "/checks/0/name",
      ['{"type":"tcp","checks":[{"name":"a"},{"name":"a"}]}'] = "/checks/1/name",
      ['{"type":"tcp","checks":[{"name":"a","checks":[]}]}'] = "/checks/0/checks",
      ['{"type":"tcp","min":2}'] = "/min",
      ['{"type":"tcp","checks":[{"name":"a"},{"name":"b"}],"min":3}'] = "/min",
      ['{"type":"tcp","min":1,"require":"any"}'] = "/min",
      ['{"type":"http","body":"("}'] = "/body",
      ['{"type":"tcp","expect":"[a"}'] = "/expect",
      ['{"type":"http","checks":[{"name":"a","body":"(?<"}]}'] = "/checks/0/body",
      ['{"type":"http","status":["300-200"]}'] = "/status/0",
      ['{"type":"http","status":[200,99]}'] = "/status/1",
      ['{"type":"http","status":["2xx"]}'] = "/status/0",
      ['{"type":"http","status":[]}'] = "/status",
      ['{"type":"http","status":[true]}'] = "/status/0",
      ['{"type":"http","headers":{"a b":"x"}}'] = "/headers/a b",
      ['{"type":"http","headers":{"a":"x\\ny"}}'] = "/headers/a",
      ['{"type":"http","jitter":51}'] = "/jitter",
      ['{"type":"lua"}'] = "/module",
      ['{"type":"lua","module":"nobody"}'] = "/module",
      ['{"type":"lua","module":"a..b"}'] = "/module",
      ['{"type":"http","flap":{"after":-1}}'] = "/flap/after",
    }) do
      tap.equal(pointers(text), { wanted }, text)
    end
  end },
  { "a module must be one of the tree's", function()
    rules.set_modules("a.b\nc\n")
    tap.equal(pointers('{"type":"lua","module":"a.b","settings":{"x":"1"}}'), {})
    tap.equal(pointers('{"type":"lua","module":"a"}'), { "/module" })
    rules.set_modules("")
    tap.equal(pointers('{"type":"lua","module":"a.b"}'), { "/module" })
  end },
  { "empty objects compile, and equal documents compile to equal text", function()
    local text = '{"type":"http","headers":{},"flap":{},"settings":{}}'
    local one = assert(read(text, "{}")).upstreams[1]
    tap.equal(one.health.checks[1].headers, nil)
    tap.equal(one.outlier, { consecutive_failures = 5, min_requests = 20, interval = 10,
      ejection_time = 30, max_ejection_time = 300, max_ejected = 50, panic_threshold = 50 })
    tap.equal(json.pack(one), json.pack(assert(read(text, "{}")).upstreams[1]))
  end },
}
