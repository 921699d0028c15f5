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
}
