local chain = require("orctl.policy.chain")
local json = require("orctl.lib.json")
local paths = require("orctl.route.path")
local policies = require("policies")
local redirecting = require("orctl.policy.redirect")
local rewriting = require("orctl.policy.rewrite")
local route = require("orctl.route.rules")
local tap = require("tap")

local function seconds(text)
  return tonumber(text:match("%d+"))
end

local function compiled(fields)
  return chain.build({ route.compile(fields, seconds) })[1]
end

local function target(path, rewrite, uri, args, match)
  return rewriting.target(compiled({ path = path, rewrite = rewrite, match = match }), uri,
    paths.encode(uri), args)
end

local function location(path, to, uri, args, more)
  local redirect = { target = to }
  for name, value in pairs(more or {}) do redirect[name] = value end
  local compiled_route = compiled({ path = path, redirect = redirect })
  return redirecting.location(compiled_route, "www.a.test", uri, paths.encode(uri), args)
end

return {
  { "a rewrite replaces the prefix and keeps the rest and the query", function()
    for _, case in ipairs({
      { "/api/", "/", "/api/x", "/x" }, { "/api/", "/", "/api/", "/" },
      { "/api/", "/v2", "/api/x", "/v2/x" }, { "/api/", "/v2/", "/api/x", "/v2/x" },
      { "/api", "/", "/api", "/" }, { "/api", "/", "/api/x", "/x" },
      { "/api", "/", "/apical", "/cal" }, { "/api", "/v2", "/apical", "/v2cal" },
      { "/", "/v2", "/x", "/v2/x" }, { "/", "/v2/", "/", "/v2/" }, { "/", "/", "/x/y/", "/x/y/" },
    }) do
      tap.equal(target(case[1], case[2], case[3]), case[4], table.concat(case, " "))
      tap.equal(target(case[1], case[2], case[3], "a=/../&b"), case[4] .. "?a=/../&b")
    end
    tap.equal(target("/api/", "/new", "/api/", nil, "exact"), "/new")
    local strip = compiled({ path = "/api/", strip_prefix = true })
    tap.equal(rewriting.target(strip, "/api/x", "/api/x"), "/x")
  end },
  { "what the decoded path holds is encoded again", function()
    tap.equal(target("/a/", "/", "/a/x y\r\nHost: z"), "/x%20y%0D%0AHost:%20z")
    tap.equal(target("/a/", "/", "/a/?#%2e\0\255\"\\"), "/%3F%23%252e%00%FF%22%5C")
    local every = {}
    for i = 0, 255 do every[#every + 1] = string.char(i) end
    local sent = paths.encode(table.concat(every))
    assert(not sent:find("[^!-~]"), sent)
    tap.equal((sent:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)),
      table.concat(every))
  end },
  { "what follows the prefix stays as it was sent", function()
    local decode = function(text)
      return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
    end
    for _, case in ipairs({ -- sent, matched if that is another than it decoded, asked for
      { "/a/q/%2F/x", "/a/q/x", "/q/%2F/x" }, { "/a/g%2fp", nil, "/g%2fp" },
      { "/a/caf%C3%A9%2Bx+y", nil, "/caf%C3%A9%2Bx+y" },
      { "/a/caf\195\169", nil, "/caf\195\169" },
      { "/a//b//c", "/a/b/c", "//b//c" }, { "//a//b", "/a/b", "//b" }, { "/%61/b", nil, "/b" },
      { "/%61%2Fb", nil, "%2Fb" }, { "/a/x/../y", "/a/y", "/x/../y" }, { "/a/.", "/a/", "/." },
      { "/a/x/..", "/a/", "/x/.." }, { "/a/b;c=%3B/d;", nil, "/b;c=%3B/d;" }, { "/a", nil, "" },
      { "/a/%25%32F", "/a/%2F", "/%25%32F" }, { "http://h.test/a/%2F", "/a/", "/%2F" },
      { "/a/b#c", "/a/b", "/b" }, { "/a/b?c", "/a/b", "/b" },
      -- another path than the one that was matched, if it stood alone
      { "/x/../a/b", "/a/b", "/b" }, { "/a/../a/b", "/a/b", "/b" }, { "/./a/%2Fb", "/a/b", "/b" },
      { "/a/..%2Fa/%2B", "/a/+", "/+" }, { "http://h.test", "/a/", "/" },
    }) do
      tap.equal((paths.rest(case[2] or decode(case[1]), case[1], 2)), case[3], case[1])
    end
  end },
  { "a path is read in other ways only where it could be", function()
    for _, case in ipairs({ { "/a/b", "/a/b" }, { "/a/b", "/a/b?", "" },
      { "/a/b", "/a/b?c=/..", "c=/.." } }) do
      tap.equal(paths.is_plain(unpack(case)), true, case[2])
    end
    for _, case in ipairs({ { "/a/b", "/a//b" }, { "/a/b", "/a%2Fb" }, { "/b", "/a/../b" },
      { "/a/..;/b", "/a/..;/b" }, { "/a\\b", "/a\\b" }, { "/b", "http://a/b" },
      { "/a;b", "/a;b" }, { "/a", "/a#b" } }) do
      tap.equal(paths.is_plain(unpack(case)), false, case[2])
    end
    for _, case in ipairs({ { "/a%2Fb%20//c", "/a%2Fb /c", "/a/b /c" },
      { "/a/..%2fb", "/a/..%2fb", "/b" }, { "/././/a/./%2e/.", "/a/", "/a/" },
      { "/a/..;x=1/b", "/a/..;x=1/b", "/b" }, { "/a%5C..%5Cb", "/a\\..\\b", "/b" },
      { "/a/%2e%2E/b", "/a/../b", "/b" }, { "/a/..;/..;/b", "/a/..;/..;/b", "/b" },
      { "/a/b;..;c", "/a/b;..;c", "/a/b" },
      { "/;/a;x/b?c", "/;/a;x/b", "/a/b" }, { "/a/b#/../c?d", "/a/b#/../c", "/a/c" },
      { "http://h", "/", "/" } }) do
      tap.equal({ paths.readings(case[1]) }, { case[2], case[3] }, case[1])
    end
  end },
  { "no path climbs out of the one it was given", function()
    for _, case in ipairs({ { "/api", "/", "/api../x" }, { "/api", "/", "/api.." },
      { "/api", "/", "/api./x" }, { "/api", "/v2/", "/api../x" }, { "/api.", "/", "/api../x" },
      { "/a", "/b/.", "/a./x" } }) do
      tap.equal(target(case[1], case[2], case[3]), nil, table.concat(case, " "))
    end
    tap.equal(target("/api", "/v2", "/api../x"), "/v2../x")
    tap.equal(target("/api", "/", "/api.../x"), "/.../x")
    tap.equal(location("/api", "https://b.test", "/api../x"), nil)
  end },
  { "a redirect keeps path and query unless told otherwise", function()
    tap.equal(location("/", "https://b.test", "/x", "q=1"), "https://b.test/x?q=1")
    tap.equal(location("/", "https://b.test/", "/"), "https://b.test/")
    tap.equal(location("/old/", "/new/", "/old/a/b"), "/new/a/b")
    tap.equal(location("/r", "/", "/r//evil.com"), "/evil.com") -- with merge_slashes off
    tap.equal(location("/r/", "/", "/r///evil.com"), "/evil.com")
    tap.equal(location("/", "https://b.test", "//evil.com"), "https://b.test//evil.com")
    tap.equal(location("/", "https://b.test:8443/p?x=1", "/a", "q"),
      "https://b.test:8443/p/a?x=1&q")
    tap.equal(location("/", "https://b.test/p?x=1", "/a", "q", { keep_path = false }),
      "https://b.test/p?x=1&q")
    tap.equal(location("/", "https://b.test/p?x=1", "/a", "q", { keep_query = false }),
      "https://b.test/p/a?x=1")
    tap.equal(location("/", "https://{host}", "/a", "q"), "https://www.a.test/a?q")
    tap.equal(location("/", "http://{host}:81/b/", "/a"), "http://www.a.test:81/b/a")
  end },
  { "what follows the prefix never becomes a part of the host", function()
    tap.equal(location("/old", "https://b.test", "/old.evil.test/"), "https://b.test/.evil.test/")
    tap.equal(location("/old", "https://b.test:80", "/old80@evil"), "https://b.test:80/80@evil")
    tap.equal(location("/old", "/", "/old/evil.test"), "/evil.test")
    tap.equal(location("/", "/", "/\\evil.test"), "/%5Cevil.test")
  end },
  { "says which route an instance cannot serve without a reload", function()
    local plain = { path = "/", upstream = "a", read_timeout = "1s", methods = { "GET" },
      headers = { x = "1" } }
    local list = { compiled(plain), compiled({ path = "/", client_max_body_size = "2k" }) }
    tap.equal({ chain.refusal({ list[1] }, nil) }, {})
    tap.equal((chain.refusal(list, nil)), "/routes/1")
    tap.equal({ chain.refusal(list, { limit = 1, cap = 2048 }) }, {})
    tap.equal((chain.refusal(list, { limit = 1, cap = 2047 })), "/routes/1/client_max_body_size")
    list[2].max_body = 0
    tap.equal((chain.refusal(list, { limit = 1, cap = 2047 })), "/routes/1/client_max_body_size")
    tap.equal({ chain.refusal(list, { limit = 1, cap = 0 }) }, {})
    for name, value in pairs({ redirect = { target = "/" }, strip_prefix = true, rewrite = "/x",
      request_headers = { remove = { "a" } }, response_headers = { set = { a = "b" } },
      obey_x_accel = { "buffering" } }) do
      tap.equal((chain.refusal({ compiled({ path = "/", [name] = value }) }, nil)), "/routes/0",
        name)
    end
  end },
  { "a policy that says nothing needs no phase", function()
    local empty = json.decode("{}")
    for _, fields in ipairs({ { strip_prefix = false }, { request_headers = empty },
      { request_headers = { set = empty } },
      { response_headers = { remove = json.array(), add = empty } } }) do
      fields.path, fields.upstream = "/", "a"
      tap.equal({ chain.refusal({ compiled(fields) }, nil) }, {}, json.encode(fields))
    end
  end },
  { "phases that an older gateway did not name are those it had", function()
    local list = { compiled({ path = "/", rewrite = "/x" }) }
    tap.equal({ chain.refusal(list, { limit = 1, cap = 0 }) }, {})
    tap.equal((chain.refusal(list, { phases = { "access" }, limit = 1, cap = 0 })), "/routes/0")
  end },
  { "a policy that works in a phase without a mark is a defect", function()
    local all = policies(tap.root)
    local broken = policies(tap.root)
    broken[1].phases = { "access" }
    local ok, err = pcall(chain.init, broken)
    chain.init(all)
    assert(not ok and err:find("rate_limit works in phase rewrite", 1, true), err)
  end },
}
