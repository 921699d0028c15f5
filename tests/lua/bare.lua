-- Nginx imitated, so that LuaJIT alone reads documents: `loadfile(this)(top)` before anything of
-- the gateway is required. `top` is the project's folder.
local top = ...

local function nothing() end

package.path = top .. "/lua/?.lua;" .. top .. "/tests/lua/?.lua;" .. package.path
-- luacheck: globals ngx
ngx = { var = {}, shared = {}, req = {}, header = {}, log = nothing, time = os.time,
  re = { find = function(text, pattern) return text:find(pattern, 1, true) end } }
for _, name in ipairs({ "ngx.req", "ngx.resp" }) do
  package.preload[name] = function() return {} end
end
require("orctl.policy.chain").init(require("policies")(top))
