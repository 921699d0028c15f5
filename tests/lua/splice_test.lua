local json = require("orctl.lib.json")
local splice = require("orctl.document.splice")
local tap = require("tap")

local function upstream(name, ...)
  local servers = json.array()
  for i, address in ipairs({ ... }) do servers[i] = { address = address } end
  return { servers = servers, name = name, health = { type = "tcp" } }
end

local function document()
  return splice.document_text({ format = 1, routes = json.array({ { path = "/", upstream = "b" } }),
    upstreams = json.array({ upstream("a", "1.1.1.1:1"), upstream("ab", "1.1.1.2:1"),
      upstream("b", "1.1.1.3:1", "1.1.1.4:1") }) })
end

return {
  { "the text of a document reads back as the document", function()
    local value = assert(json.decode(document()))
    tap.equal(value.upstreams[3].servers[2].address, "1.1.1.4:1")
    tap.equal(value.routes[1].upstream, "b")
    tap.equal(splice.document_text(value), document())
  end },
  { "one upstream is replaced and all others stay as they are", function()
    for i, name in ipairs({ "a", "ab", "b" }) do
      local text = splice.upstream_text(upstream(name, "2.2.2.2:2"))
      local new = splice.replace(document(), name, text)
      local value = assert(json.decode(new))
      local wanted = json.decode(document())
      wanted.upstreams[i] = upstream(name, "2.2.2.2:2")
      tap.equal(value, wanted)
      tap.equal(splice.document_text(value), new)
    end
  end },
  { "text of another layout is not touched", function()
    tap.equal(splice.replace('{"upstreams":[{"name":"a"}]}', "a", "x"), nil)
    tap.equal(splice.replace(document(), "c", "x"), nil)
    tap.equal(splice.replace(document(), "a\"", "x"), nil)
  end },
  { "an end that belongs to something else is no end", function()
    local text = '{\n "upstreams": [\n  {\n   "name": "a",\n   "servers": [ {\n     "address": "x"'
      .. '\n  } ]\n  }\n ]\n}'
    assert(json.decode(text))
    tap.equal(splice.replace(text, "a", "x"), nil)
  end },
  { "a string that looks like the layout does not mislead", function()
    local value = { format = 1, routes = json.array({ { path = "\n  {\n   \"name\": \"a\"" } }),
      upstreams = json.array({ upstream("a", "\n  }") }) }
    local text = splice.document_text(value)
    local new = assert(splice.replace(text, "a", splice.upstream_text(upstream("a", "1.1.1.1:1"))))
    tap.equal(json.decode(new).upstreams[1].servers[1].address, "1.1.1.1:1")
  end },
  { "only text in the layout fits", function()
    local text = splice.upstream_text(upstream("a", "1.1.1.1:1"))
    tap.equal(splice.fits(text, "a"), true)
    tap.equal(splice.fits(text, "b"), false)
    tap.equal(splice.fits(text .. ",\n  {\n  }", "a"), false)
    tap.equal(splice.fits('{"name":"a"}', "a"), false)
  end },
}
