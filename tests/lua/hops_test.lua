local hops = require("orctl.route.hops")
local tap = require("tap")

local protocols = { tcp = true, ["x-proto/1.0"] = true }

return {
  { "a request is taken to a protocol that its route lets through", function()
    for _, case in ipairs({
      { "tcp", "upgrade", "tcp" }, { "TCP", "keep-alive, Upgrade", "TCP" },
      { "X-Proto/1.0", "Upgrade,close", "X-Proto/1.0" }, { "h2c, tcp", "upgrade", "tcp" },
      { "tcp,x-proto/1.0", "upgrade", "tcp" }, { "tcp, WebSocket", "upgrade", "websocket" },
      { { "h2c", "x, tcp" }, { "close", "\tupgrade " }, "tcp" },
    }) do
      tap.equal(hops.protocol(case[1], case[2], protocols), case[3], tostring(case[1]))
    end
  end },
  { "and to no other, nor without being asked", function()
    for _, case in ipairs({
      { "tcp", "close" }, { "tcp", "x-upgrade" }, { "tcp", "upgraded" }, { "tcp", "upgrade;tcp" },
      { "tcpx", "upgrade" }, { "tcp/1", "upgrade" }, { "x-proto", "upgrade" }, { "", "upgrade" },
      { "h2c", "upgrade" }, { ",", "upgrade" }, { "tcp", "" },
    }) do
      tap.equal(hops.protocol(case[1], case[2], protocols), nil, case[1] .. " " .. case[2])
    end
    tap.equal(hops.protocol("tcp", nil, protocols), nil)
    tap.equal(hops.protocol("tcp", "upgrade", nil), nil)
    tap.equal(hops.protocol("websocket", "upgrade", nil), "websocket")
  end },
  { "fields of an answer get the form that HTTP/2 has", function()
    tap.equal(hops.for_http2({ ["X-A"] = "v", ["x_b"] = "a\tb", ["content-length"] = "2",
      ["X-E"] = "", ["X-8"] = "\255" }), {})
    tap.equal(hops.for_http2({ ["X-A"] = "v\t", ["X-B"] = { "a", "\tb \t" }, ["X-C"] = " \t " }),
      { ["X-A"] = "v", ["X-B"] = { "a", "b" }, ["X-C"] = "" })
  end },
  { "an answer with what is no field there is none", function()
    for _, fields in ipairs({ { ["X Y"] = "1" }, { [""] = "\1" }, { ["X(Y)"] = "1" },
      { ["\195\169"] = "1" }, { ["X-A"] = "a\1b" }, { ["X-A"] = { "a", "b\127" } },
      { ["X-A"] = "a\0b" }, { ["X-A"] = "a\rb" }, { ["Content-Length"] = { "1", "2" } } }) do
      tap.equal(hops.for_http2(fields), nil)
    end
  end },
}
