local leaving = require("orctl.state.leaving")
local tap = require("tap")

local dict = ngx.shared.orctl

return {
  { "servers that left are forgotten some at a time, each once", function()
    dict:flush_all()
    leaving.note("u", { "a", "b" })
    leaving.note("u", { "c", "d", "e" })
    leaving.note("v", { "f" })
    tap.equal({ leaving.count(), leaving.of("u") }, { 2, { "a", "b", "c", "d", "e" } })
    local asked = {}
    local function is_used(name, key)
      asked[#asked + 1] = name .. "/" .. key
      return true
    end
    leaving.forget(is_used, 2)
    tap.equal({ asked, leaving.of("u"), leaving.count() },
      { { "u/a", "u/b" }, { "c", "d", "e" }, 2 })
    leaving.forget(is_used, 100)
    tap.equal({ #asked, leaving.of("u"), leaving.of("v"), leaving.count() }, { 6, {}, {}, 0 })
  end },
}
