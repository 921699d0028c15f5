-- The list of policies that orctl writes into settings.json, from the schema: for tests without it.
local json = require("orctl.lib.json")

--- `top` is the project's folder.
return function(top)
  local file = assert(io.open(top .. "/schemas/instance.json"))
  local route = assert(json.decode(file:read("*a"))).properties.route.items
  file:close()
  local list = {}
  for i, name in ipairs(route["x-policies"]) do
    local phases = route.properties[name]["x-phase"]
    list[i] = { name = name, phases = type(phases) == "table" and phases or { phases } }
  end
  return list
end
