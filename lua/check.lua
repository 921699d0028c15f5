-- Run by `orctl apply` before a tree goes live: inside the instance's own nginx binary, as the user that will run it,
-- in init_by_lua of a configuration that serves nothing. Ends the process: 0 when all is well, 1 with the faults on stderr.
-- CHECK_LIST names one file a line, with the name to show: "path<TAB>name"; the first line is the tree.

local prefix = ngx.config.prefix()
local list = assert(io.open(prefix .. "list", "r"))
local tree = list:read("*l")
local faults = 0

local function fault(text)
  faults = faults + 1
  io.stderr:write("orctl-check: ", text, "\n")
end

for line in list:lines() do
  local path, name = line:match("^(.-)\t(.*)$")
  local file = assert(io.open(path, "r"))
  local code = file:read("*a")
  file:close()
  local _, err = loadstring(code, "=" .. name)
  if err then fault(err) end
end
list:close()

package.path = tree .. "/lua/?.lua;" .. package.path
local ok, err = pcall(function()
  local file = assert(io.open(tree .. "/gateway.json", "r"))
  local bytes = file:read("*a")
  file:close()
  local compiled, reason = require("orctl.document").read(bytes)
  if not compiled then fault("gateway.json: " .. reason) end
end)
if not ok then fault(tostring(err)) end

io.stderr:flush()
os.exit(faults == 0 and 0 or 1)
