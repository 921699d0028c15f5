-- Modules in lua/ are loaded when nginx starts or reloads; an error here refuses the new tree.
local _M = {}

function _M.say()
  ngx.say("hello from ", ngx.worker.pid())
end

return _M
