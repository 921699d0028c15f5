-- Upstreams and hosts that left the document, until their counters are given back. Called under
-- the lock of what is shared.
local counters = require("orctl.lib.counters")

local _M = {}

local LEFT = "left/1"

local dict = ngx.shared.orctl

--- Notes that an "upstream" or a "host" is not named any more.
function _M.note(kind, name)
  dict:lpush(LEFT, kind .. "/" .. name)
end

--- How many are noted.
function _M.count()
  return dict:llen(LEFT) or 0
end

--- Gives back the counters of `most` that are noted, but for those that `is_named(kind, name)` says
-- have come again. Only when every worker serves a document without them.
function _M.forget(is_named, most)
  for _ = 1, math.min(_M.count(), most) do
    local kind, name = dict:rpop(LEFT):match("^(%l+)/(.*)$")
    if not is_named(kind, name) then
      counters.release(kind, name)
    end
  end
end

return _M
