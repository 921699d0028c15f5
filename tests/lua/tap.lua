-- Runs a test file and prints TAP. A test file returns a list of {sentence, function}; a function
-- that raises has failed.
local _M = {}

--- Raises unless both values are equal, tables by their content.
function _M.equal(got, wanted, what)
  local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
      return a == b
    end
    for key, value in pairs(a) do
      if not same(value, b[key]) then return false end
    end
    for key in pairs(b) do
      if a[key] == nil then return false end
    end
    return true
  end
  if not same(got, wanted) then
    local encode = require("orctl.lib.json").pack
    error(("%sgot %s, wanted %s"):format(what and what .. ": " or "", encode(got), encode(wanted)),
      2)
  end
end

--- A generator of its own for each test, so that a failure comes again.
function _M.random(seed)
  local state = seed
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
end

--- Idle servers "a", "b", … with these weights, for balancers.
function _M.peers(...)
  local list = {}
  for i, weight in ipairs({ ... }) do
    list[i] = { key = string.char(96 + i), weight = weight, in_flight = 0 }
  end
  return list
end

--- Keys of the next `n` servers of a balancer, in one word.
function _M.take(balancer, n)
  local keys = {}
  for i = 1, n do keys[i] = balancer:pick().key end
  return table.concat(keys)
end

--- How often a key stands in such a word.
function _M.count(text, key)
  return select(2, text:gsub(key, ""))
end

function _M.run(path)
  ngx.header["Content-Type"] = "text/plain"
  require("orctl.policy.chain").init(require("policies")(_M.root))
  local count = 0
  for i, test in ipairs(dofile(_M.root .. path)) do
    local ok, err = xpcall(test[2], debug.traceback)
    ngx.say(ok and "ok " or "not ok ", i, " - ", test[1])
    if not ok then
      ngx.say((("\n" .. tostring(err)):gsub("\n", "\n# "):sub(2)))
    end
    count = i
  end
  ngx.say("1..", count)
end

return _M
