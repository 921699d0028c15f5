local slow_start = require("orctl.balancer.slow_start")
local tap = require("tap")

return {
  { "a ramp grows with time, from a hundredth to the whole, and is gone then", function()
    local peer, other = {}, {}
    slow_start.begin(peer, 100)
    tap.equal(peer.ramp, 0.01)
    for _, one in ipairs({ { 100, 0.01 }, { 103, 0.3 }, { 105, 0.5 }, { 109, 0.9 } }) do
      tap.equal(slow_start.move({ peer, other }, one[1], 10), true)
      tap.equal(peer.ramp, one[2])
    end
    tap.equal(slow_start.move({ peer, other }, 110, 10), false)
    tap.equal({ peer.ramp, other.ramp }, {})
  end },
  { "a clock that is set back ends a ramp", function()
    local peer = {}
    slow_start.begin(peer, 100)
    tap.equal(slow_start.move({ peer }, 99, 10), false)
    tap.equal(peer.ramp, nil)
  end },
  { "just that part of the turns is kept, evenly", function()
    local peer = {}
    slow_start.begin(peer, 0)
    for _, ramp in ipairs({ 0.01, 0.25, 0.5, 0.99 }) do
      peer.ramp = ramp
      local kept = 0
      for _ = 1, 1000 do kept = kept + (slow_start.admits(peer) and 1 or 0) end
      assert(math.abs(kept - 1000 * ramp) <= 1, kept)
    end
    tap.equal(slow_start.admits({}), true)
  end },
}
