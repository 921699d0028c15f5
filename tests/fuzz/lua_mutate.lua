-- Gives the gateway's parsers inputs made by chance from those in corpus/lua_<target>: none may
-- raise, and what they say must hold. There is no libFuzzer for LuaJIT; the gateway's modules run
-- here without nginx, which is imitated.
--   luajit tests/fuzz/lua_mutate.lua RUNS [SECONDS EACH] [SEED] [TARGET]
local runs, limit = tonumber(arg[1] or 1000000), tonumber(arg[2] or 0)
local seed, only = tonumber(arg[3] or os.time()), arg[4]
local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/../../lua/?.lua;" .. here .. "/../lua/?.lua;" .. package.path

local input -- of the exec in hand, handed out by the imitations in pieces
local random = math.random
local real_open = io.open

local function nothing() end

local function new_socket()
  local rest = input
  return { settimeout = nothing, close = nothing,
    connect = function() return true end,
    sslhandshake = function() return true end,
    send = function() return 1 end,
    receiveany = function(_, most)
      if rest == "" then return nil, "closed" end
      local size = random(math.min(most, #rest, 300))
      local part = rest:sub(1, size)
      rest = rest:sub(size + 1)
      return part
    end }
end

-- luacheck: globals ngx
ngx = { log = nothing, time = os.time, var = {}, shared = {}, socket = { tcp = new_socket },
  re = { find = function(text, pattern) return text:find(pattern, 1, true) end } }
for _, name in ipairs({ "ngx.req", "ngx.resp", "ngx.ssl" }) do
  package.preload[name] = function() return {} end
end
package.preload["resty.core.base"] = function() return { get_request = nothing } end

local compat = require("orctl.document.compat")
local document = require("orctl.document.gateway")
local http, tcp = require("orctl.health.http"), require("orctl.health.tcp")
local json = require("orctl.lib.json")
local overrides = require("orctl.state.overrides")
local redirect, rewrite = require("orctl.policy.redirect"), require("orctl.policy.rewrite")
local redis = require("orctl.source.redis")
local router = require("orctl.route.router")
local saved = require("orctl.state.saved")
local sha256 = require("orctl.lib.sha256")
local splice = require("orctl.document.splice")
local choice = require("orctl.tls.choice")
local tls = require("orctl.tls.pair")
require("orctl.policy.chain").init(require("policies")(here .. "/../.."))

local function require_that(holds, property)
  if not holds then error("does not hold: " .. property, 0) end
end

-- A refusal is a reason that can be logged and shown.
local function require_reason(err, what)
  require_that(type(err) == "string" and err ~= "" and not err:find("[%c\127-\255]"),
    what .. " has a printable reason")
end

local function require_faults(faults)
  for _, fault in ipairs(faults) do
    require_that(type(fault.pointer) == "string" and type(fault.detail) == "string",
      "a fault has pointer and detail")
    require_that(not fault.detail:find("[%c\127]"), "a fault can be shown")
  end
end

local request = { method = function() return "GET" end, header = function() return "1" end }

-- What the imitated disk holds at the paths of the state folder, as the gateway would have written
-- it; now and then torn.
local function saved_file(kind, bytes)
  local digest = random(8) == 1 and ("0"):rep(64) or sha256.hex(bytes)
  return ("orctl-state 1 %s %d %s\n%s"):format(kind, #bytes, digest, bytes)
end

-- luacheck: push ignore 122
function io.open(path, mode)
  if path:sub(1, 7) ~= "/state/" then return real_open(path, mode) end
  return { read = function() return saved_file(path:sub(8), input) end, close = nothing }
end
-- luacheck: pop
saved.init("/state", "prd_a_001_80")

-- OpenSSL, which is nginx's, has the last word on a pair.
function tls.read(item)
  if item.key:find("x") then return nil, "certificate", "is imitated" end
  return { name = item.name, names = item.hosts, not_before = 0, not_after = 2000,
    key_type = #item.key % 2 == 0 and "RSA" or "ECDSA" }
end

local part = { name = "a", servers = { { key = "10.0.0.1:80", address = "10.0.0.1:80",
  host = "10.0.0.1", port = 80, weight = 2, backup = false } } }

local targets = {}

function targets.document(bytes)
  local compiled, err = document.read(bytes)
  if not compiled then return require_reason(err, "a refused document") end
  router.match(router.compile(compiled.routes), "www.test1.com", "/api/x", request)
  local value = document.decode(bytes)
  require_that(document.read(splice.document_text(value)), "a document laid out anew is taken")
end

function targets.upstream(bytes)
  local compiled, err, faults = document.read_upstream(bytes)
  if compiled then
    return require_that(compiled.upstreams[1].name, "an upstream has a name")
  end
  require_reason(err, "a refused upstream")
  require_faults(faults or {})
end

function targets.hosts(bytes)
  local value = json.decode(bytes)
  if value == nil then return end
  require_faults(compat.check(value))
  local made = compat.take(value)
  if not made then return end
  local gateway = compat.from(value)
  require_that(document.take(gateway), "what a Host-header document means is a gateway document")
  require_that(compat.to(gateway), "and can be told as one again")
end

function targets.override(bytes)
  local value = json.decode(bytes)
  local faults = overrides.check(value)
  require_faults(faults)
  if faults.count > 0 then return end
  local entry = overrides.merge(nil, value, 1000, 2000)
  for _ = 1, 2 do
    local all = entry and overrides.set({}, "a", "10.0.0.1:80", entry, 1) or {}
    overrides.effective(part, all.a and all.a.servers or {})
    overrides.next_end(all)
    entry = overrides.merge(entry, value, 1001, 2001)
  end
end

function targets.saved_overrides()
  local all, err = saved.overrides()
  if not all then return err == nil or require_reason(err, "a refused file") end
  for _, upstream in pairs(all.upstreams) do overrides.effective(part, upstream.servers) end
  overrides.count(all.upstreams)
  overrides.next_end(all.upstreams)
  overrides.filter(all.upstreams, function(_, _, entry) return not entry.ends end)
  require_that(json.pack(all), "overrides can be stored")
end

function targets.saved_document()
  local bytes, err = saved.document("base")
  require_that(bytes or err == nil or type(err) == "string", "no document has a reason, if any")
  if bytes then document.read(bytes) end
end

function targets.redis()
  local bytes, err = redis.get({ host = "127.0.0.1", port = 6379, key = "k", timeout = 1,
    limit = 1000, password = random(2) == 1 and "p" or nil,
    database = random(2) == 1 and 3 or nil }, os.time)
  require_that(bytes == nil or #bytes <= 1000, "a value is no longer than it may be")
  if not bytes then require_reason(err, "no value") end
end

function targets.probe()
  local server = { host = "10.0.0.1", port = 80 }
  local ok, err = http.check(server, { method = "GET", path = "/", status = { { 200, 299 } },
    body = random(2) == 1 and "ok" or nil }, 1)
  if not ok then require_reason(err, "a failed check") end
  ok, err = tcp.check(server, { send = "PING", expect = "PONG" }, 1)
  if not ok then require_reason(err, "a failed check") end
end

local routes = router.compile(document.read([[{"format":1,"upstreams":[{"name":"a","servers":[]}],
  "routes":[{"path":"/api/","rewrite":"/v2/","upstream":"a"},
  {"path":"/x","strip_prefix":true,"upstream":"a","rate_limit":{"requests":5,"per":"1m","by":"route"}},
  {"path":"/old","redirect":{"target":"https://{host}/n/?a=b","keep_path":true,"keep_query":true}},
  {"host":"*.test1.com","path":"/","methods":["GET"],"upstream":"a"},
  {"path":"/","upstream":"a"}]}]]).routes)

-- A request as nginx hands it over: host, then path, then query, each on a line.
function targets.request(bytes)
  local host, path, query = bytes:match("^([^\n]*)\n?([^\n]*)\n?(.*)$")
  path = ("/" .. path):gsub("/[./]+", "/") -- nginx has resolved what is relative
  local route = router.match(routes, host:lower(), path, request)
  require_that(route, "every request has a route here")
  local target = route.rewrite and rewrite.target(route, path, query)
    or route.redirect and redirect.location(route, "host", path, query)
  if not target then return end
  local way = target:gsub("%?.*", "")
  require_that(not way:find("[%c \127-\255]"), "a path that is sent is visible ASCII")
  local climbs = (way:gsub("^https?://[^/]*", "") .. "/"):find("/%.%.?/")
  require_that(not climbs, "a path that is sent climbs out of nothing")
end

function targets.certificates(bytes)
  local value = json.decode(bytes)
  local entries, pointer, detail = tls.check_set(value, function(entry)
    return tls.time_fault(entry, 1000)
  end)
  if not entries then
    require_that(type(pointer) == "string", "a refused set has a place")
    return require_reason(detail, "a refused set")
  end
  local served = choice.of(entries)
  for _, entry in ipairs(entries) do
    for _, host in ipairs(entry.names) do
      local group = choice.for_name(served, (host:gsub("^%*", "a")))
      require_that(#group > 0 and #group <= 2, "one of each key type is served for a name")
    end
  end
end

local words = { "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "-1", "0", "1e999",
  "9007199254740993", "1ms", "\\u0000", "\\ud800", "\r\n", "\n", "\0", "\255", "\226\128\174",
  "[::1]:80", "0.0.0.0:1", "*.a", "..", "/", "%2e", "$", "-", "+", ":7\r\n", ("a"):rep(70),
  ("["):rep(40), "{\"\":null}", "\"name\":\"a\"," }

local values = { "null", "true", "false", "0", "-1", "1.5", "1e999", "1e300", "9007199254740993",
  "{}", "[]", "[[]]", "{\"\":1}", "\"\"", "\"10.0.0.1:80\"", "\"[::1]:80\"", "\"1ms\"",
  "\"50%\"", "\"\\u0000\"", "\"\\u202e\"", "\"a\"", "\"/\"", "\"*.a\"" }

-- A document that stays JSON: one string, number or word of it becomes another value, which may be
-- one of this or of another input.
local function changed_value(text, corpus)
  local from, to = text:find("%f[\"%w-][\"%w-][^\",:%[%]{}]*\"?", random(#text))
  if not from then return text end
  local other = corpus[random(#corpus)]
  local taken = other:match("[:%[,]([%w-\"][^\",:%[%]{}]*\"?)", random(#other))
  return text:sub(1, from - 1) .. (random(2) == 1 and taken or values[random(#values)])
    .. text:sub(to + 1)
end

local function mutated(text, corpus)
  for _ = 1, random(4) do
    if #text > 0 and random(3) > 1 then return changed_value(text, corpus) end
    local from = random(0, #text)
    local to = math.min(#text, from + random(0, 12))
    local kind = random(6)
    local middle = ""
    if kind == 1 then middle = words[random(#words)]
    elseif kind == 2 then middle = string.char(random(0, 255))
    elseif kind == 3 then middle = text:sub(from + 1, to):rep(random(2, 3))
    elseif kind == 4 then
      local other = corpus[random(#corpus)]
      local at = random(0, #other)
      middle = other:sub(at, at + random(0, 60))
    elseif kind == 5 then to = from; middle = words[random(#words)]
    end
    text = text:sub(1, from) .. middle .. text:sub(to + 1)
  end
  return text
end

local function read_corpus(name)
  local corpus = {}
  local list = assert(io.popen("ls " .. here .. "/corpus/lua_" .. name .. "/*"))
  for path in list:lines() do
    local file = assert(real_open(path, "rb"))
    corpus[#corpus + 1] = file:read("*a")
    file:close()
  end
  list:close()
  assert(corpus[1], "there is no corpus for " .. name)
  return corpus
end

-- Findings of one target; the inputs go to build/fuzz/found.
local function try(name, bytes)
  input = bytes
  local ok, err = xpcall(function() targets[name](bytes) end, function(e)
    local said = type(e) == "string" and e:find("does not hold", 1, true)
    return said and e or debug.traceback(e)
  end)
  if ok then return 0 end
  local path = ("build/fuzz/found/lua_%s-%s"):format(name, sha256.hex(bytes):sub(1, 10))
  local file = real_open(path, "wb")
  if file then file:write(bytes) file:close() end
  io.write(("%s\n  input of %d bytes: %s\n"):format(err, #bytes, path))
  return 1
end

local names, failed = {}, 0
for name in pairs(targets) do names[#names + 1] = name end
table.sort(names)
print("lua: seed " .. seed)
for _, name in ipairs(names) do
  if not only or only == name then
    local corpus, findings, done, start = read_corpus(name), 0, 0, os.clock()
    math.randomseed(seed)
    for _, bytes in ipairs(corpus) do findings, done = findings + try(name, bytes), done + 1 end
    while done < runs and findings < 3 and (limit == 0 or os.clock() - start < limit) do
      findings = findings + try(name, mutated(corpus[random(#corpus)], corpus))
      done = done + 1
    end
    print(("lua_%-14s %9d executions %6d s                     %d finding(s)"):format(name, done,
      os.clock() - start, findings))
    failed = failed + findings
  end
end
os.exit(failed == 0 and 0 or 1)
