-- A toy: answers 403 to clients whose User-Agent begins so.
local _M = {}

_M.rule = { type = "object", fields = {
  agents = { type = "array", required = true, min_items = 1, max_items = 100,
    items = { type = "string", max_length = 64, pattern = "^[!-~]+$",
      hint = "the beginning of a User-Agent, without blanks" } },
} }

function _M.compile(value)
  return value.agents
end

function _M.access(agents)
  local agent = ngx.var.http_user_agent or ""
  for i = 1, #agents do
    if agent:sub(1, #agents[i]) == agents[i] then
      ngx.exit(403)
      return true
    end
  end
end

return _M
