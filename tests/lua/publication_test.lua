local document = require("orctl.document.gateway")
local json = require("orctl.lib.json")
local sha256 = require("orctl.lib.sha256")
local splice = require("orctl.document.splice")
local publication = require("orctl.state.publication")
local shared = require("orctl.state.shared")
local tap = require("tap")

local dict = ngx.shared.orctl

local function bytes_of(...)
  local upstreams = json.array()
  for i, address in ipairs({ ... }) do
    upstreams[i] = { name = "u" .. i, servers = json.array({ { address = address } }) }
  end
  return json.encode({ format = 1, upstreams = upstreams, routes = json.array() })
end

local function publish(bytes, options)
  options = options or { boot = 0 }
  if options.tree then
    options.tree = sha256.hex(bytes)
  end
  return publication.publish({ bytes = bytes, compiled = assert(document.read(bytes)) }, options)
end

local function publish_one(name, addresses, options)
  local servers = json.array()
  for i, address in ipairs(addresses) do servers[i] = { address = address } end
  local value = { name = name, servers = servers }
  local change = { compiled = assert(document.read_upstream(json.encode(value))),
    text = splice.upstream_text(value) }
  return publication.publish(change, options or { boot = 0 })
end

local function nothing() return false end

-- First server of each upstream in what shared.load() returned.
local function first_servers(loaded)
  local first = {}
  for name, part in pairs(loaded.parts) do first[name] = part.servers[1].address end
  return first
end

local function fresh()
  dict:flush_all()
  dict:flush_expired()
end

-- Keys of the document; what else is there is not this test's.
local function keys()
  local list = json.array()
  for _, key in ipairs(dict:get_keys(0)) do
    if not key:find("^1/version") and not key:find("^1/leaving") then
      list[#list + 1] = key
    end
  end
  table.sort(list)
  return list
end

return {
  { "a publication stores parts, index and bytes, and names them by the generation", function()
    fresh()
    tap.equal(publish(bytes_of("1.1.1.1:1", "1.1.1.2:1")).generation, 1)
    tap.equal(keys(), { "1/generation", "1/index/1", "1/raw/1", "1/routes/1", "1/upstream/u1/1",
      "1/upstream/u2/1" })
  end },
  { "only what has changed is stored again, and the old is removed", function()
    tap.equal(publish(bytes_of("1.1.1.1:1", "1.1.1.3:1")).generation, 2)
    tap.equal(keys(), { "1/generation", "1/index/2", "1/raw/2", "1/routes/1", "1/upstream/u1/1",
      "1/upstream/u2/2" })
    local loaded = assert(shared.load(2, function(name, version)
      return name == "u1" and version == "1" or not name
    end))
    tap.equal({ loaded.parts.u1, loaded.routes, loaded.parts.u2.servers[1].address },
      { nil, nil, "1.1.1.3:1" })
  end },
  { "a publication that does not fit leaves every key as it was", function()
    local before, many = keys(), {}
    for i = 1, 2000 do many[i] = ("10.0.%d.%d:80"):format(i / 250, i % 250) end
    local result, reason = publish(bytes_of(unpack(many)))
    tap.equal({ result, reason }, { nil, "full" })
    tap.equal(keys(), before)
    assert(shared.load(2, nothing))
  end },
  { "while another holds the lock, nothing is published", function()
    dict:set("1/lock", "somebody")
    local result, reason = publish(bytes_of("1.1.1.9:1"))
    tap.equal({ result, reason }, { nil, "busy" })
    dict:delete("1/lock")
    tap.equal(publish(bytes_of("1.1.1.9:1")).changed, true)
  end },
  { "a tree's document is published once for a cycle, and only if it is a new one", function()
    fresh()
    local a, b, c = bytes_of("1.1.1.1:1"), bytes_of("1.1.1.2:1"), bytes_of("1.1.1.3:1")
    tap.equal(publish(a, { tree = true, boot = 1 }).generation, 1)
    tap.equal(publish(b).generation, 2)
    for _, boot in ipairs({ 1, 2, 3 }) do
      publish(a, { tree = true, boot = boot })
      tap.equal(shared.generation(), 2)
    end
    tap.equal(publish(c, { tree = true, boot = 4 }).generation, 3)
    publish(b, { tree = true, boot = 3 })
    tap.equal(shared.generation(), 3)
  end },
  { "an update that comes before the tree's document of its cycle is not undone by it", function()
    fresh()
    tap.equal(publish(bytes_of("1.1.1.2:1"), { boot = 5 }).generation, 1)
    tap.equal(publish(bytes_of("1.1.1.1:1"), { tree = true, boot = 5 }).generation, nil)
    tap.equal(shared.generation(), 1)
    tap.equal(publish(bytes_of("1.1.1.3:1"), { tree = true, boot = 6 }).generation, 2)
  end },
  { "what a killed publisher left behind is swept by the next cycle", function()
    fresh()
    publish(bytes_of("1.1.1.1:1"), { tree = true, boot = 1 })
    local before = keys()
    for _, key in ipairs({ "1/raw/2", "1/index/2", "1/routes/2", "1/upstream/u1/2",
      "1/upstream/gone/1" }) do
      dict:set(key, "x")
    end
    publish(bytes_of("1.1.1.1:1"), { tree = true, boot = 2 })
    tap.equal(keys(), before)
  end },
  { "of one changed upstream, who holds the generation before is told of no other", function()
    fresh()
    publish(bytes_of("1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1"))
    tap.equal(publish_one("u2", { "2.2.2.2:1" }).generation, 2)
    local loaded = assert(shared.load(2, nothing, 1))
    tap.equal({ loaded.only, first_servers(loaded) }, { "u2", { u2 = "2.2.2.2:1" } })
    loaded = assert(shared.load(2, nothing, 0))
    tap.equal({ loaded.only, first_servers(loaded) },
      { nil, { u1 = "1.1.1.1:1", u2 = "2.2.2.2:1", u3 = "1.1.1.3:1" } })
    tap.equal(publish_one("u2", { "2.2.2.2:1" }).changed, false)
    tap.equal({ publish_one("u4", { "2.2.2.2:1" }) }, { nil, "missing" })
    tap.equal(publish(bytes_of("1.1.1.1:1")).generation, 3)
    loaded = assert(shared.load(3, nothing, 2))
    tap.equal({ loaded.only, first_servers(loaded) }, { nil, { u1 = "1.1.1.1:1" } })
  end },
  { "a change of one upstream that fails leaves every key and the index as they were", function()
    fresh()
    publish(bytes_of("1.1.1.1:1", "1.1.1.2:1"))
    publish_one("u1", { "2.2.2.2:1" })
    local before, many = keys(), {}
    for i = 1, 2000 do many[i] = ("10.0.%d.%d:80"):format(i / 250, i % 250) end
    local unsaved = { boot = 0, save = function() return nil, "no room" end }
    tap.equal({ publish_one("u1", many) }, { nil, "full", "no memory" })
    tap.equal({ publish_one("u1", { "3.3.3.3:1" }, unsaved) }, { nil, "unsaved", "no room" })
    local broken = { boot = 0, save = function() error("broken") end }
    tap.equal(pcall(publish_one, "u1", { "5.5.5.5:1" }, broken), false)
    for _, key in ipairs({ "1/raw/3", "1/index/3", "1/change/3", "1/upstream/u1/3" }) do
      dict:delete(key) -- what the next publication overwrites or the next cycle sweeps
    end
    tap.equal(keys(), before)
    tap.equal(first_servers(assert(shared.load(2, nothing))),
      { u1 = "2.2.2.2:1", u2 = "1.1.1.2:1" })
    tap.equal(publish_one("u1", { "4.4.4.4:1" }).generation, 3)
    tap.equal(first_servers(assert(shared.load(3, nothing, 2))), { u1 = "4.4.4.4:1" })
  end },
}
