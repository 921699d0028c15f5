local source = require("orctl.source.poll")
local tap = require("tap")

return {
  { "readings that fail come less often, at most once a minute, and spread", function()
    tap.equal({ source.delay(5, 0, 0.9), source.delay(5, 1, 0), source.delay(5, 1, 1) },
      { 5, 7.5, 12.5 })
    tap.equal({ source.delay(5, 9, 0.5), source.delay(0.1, 99, 0.5) }, { 60, 60 })
  end },
  { "an interval above a minute stays what it is", function()
    tap.equal({ source.delay(3600, 0, 0), source.delay(3600, 99, 0.5) }, { 3600, 3600 })
  end },
}
