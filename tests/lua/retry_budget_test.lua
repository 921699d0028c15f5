local retry_budget = require("orctl.balancer.retry_budget")
local tap = require("tap")

local function spend(budget, now, times)
  local spent = 0
  for _ = 1, times do spent = spent + (budget:spend(now) and 1 or 0) end
  return spent
end

return {
  { "a quiet upstream may retry a few times, whatever the percentage", function()
    tap.equal(spend(retry_budget.new(10), 1000, 50), 3)
    tap.equal(spend(retry_budget.new(0), 1000, 50), 3)
  end },
  { "a busy one may retry its percentage of the requests", function()
    for _, percent in ipairs({ 1, 10, 25, 100 }) do
      local budget, spent = retry_budget.new(percent), 0
      for i = 1, 2000 do
        budget:request(1000 + i / 1000)
        spent = spent + spend(budget, 1000 + i / 1000, 3)
      end
      assert(math.abs(spent - 20 * percent) <= 3, spent)
    end
  end },
  { "what was spent and what was asked count for ten seconds, not for ever", function()
    local budget = retry_budget.new(10)
    for _ = 1, 100 do budget:request(1000) end
    tap.equal(spend(budget, 1000, 50), 10)
    tap.equal(spend(budget, 1004, 50), 0)
    tap.equal(spend(budget, 1006, 50), 0)
    for _ = 1, 100 do budget:request(1006) end
    tap.equal(spend(budget, 1006, 50), 10)
    tap.equal(spend(budget, 1011, 50), 0)
    tap.equal(spend(budget, 1100, 50), 3)
  end },
  { "a clock that is set back gives no more than a new window", function()
    local budget = retry_budget.new(50)
    for _ = 1, 100 do budget:request(1000) end
    spend(budget, 1000, 100)
    tap.equal(spend(budget, 500, 100), 3)
  end },
}
