-- Run by `orctl apply` before a tree goes live: in the instance's own nginx binary, as the user
-- that will run it, in init_by_lua of a configuration that serves nothing. Compiles every piece of
-- Lua and loads what the gateway will read at its start, which `nginx -t` does not, then ends the
-- process: 0 when all is well, 1 with the faults on stderr. The file `list` beside nginx.conf holds
-- the path of the tree, then one line for each piece: its path, a tab, and the name to show. A file
-- `upstream` beside it is all of gateway.json that this Lua does not serve already.

local list = assert(io.open(ngx.config.prefix() .. "list", "r"))
local tree = list:read("*l")
local faults = 0

local function fault(text)
  faults = faults + 1
  io.stderr:write("orctl-check: ", text, "\n")
end

local function read(path)
  local file = assert(io.open(path, "r"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

for line in list:lines() do
  local path, name = line:match("^(.-)\t(.*)$")
  local _, err = loadstring(read(path), "=" .. name)
  if err then fault(err) end
end
list:close()

package.path = tree .. "/lua/?.lua;" .. package.path
-- What the gateway will make of its document: nil and a reason if nothing.
local function read_document()
  local document = require("orctl.document.gateway")
  local one = io.open(ngx.config.prefix() .. "upstream")
  if not one then
    return document.read(read(tree .. "/gateway.json"))
  end
  one:close()
  return document.read_upstream(read(ngx.config.prefix() .. "upstream"))
end

local ok, err = pcall(function()
  require("orctl.lib.places")
  local overlay = io.open(tree .. "/lua/orctl/overlay.list")
  require("orctl.health.rules").set_modules(overlay and overlay:read("*a") or "")
  if overlay then overlay:close() end
  local settings = require("orctl.lib.json").decode(read(tree .. "/settings.json"))
  require("orctl.policy.chain").init(settings.policies)
  local compiled, reason = read_document()
  if not compiled then fault("gateway.json: " .. reason) end
  if settings.admin then require("orctl.admin.auth").init(settings.admin.token_file) end
  if settings.source then require("orctl.source.poll").check(settings.source) end
end)
if not ok then fault(tostring(err)) end

-- Whether this nginx can serve them; whether they are valid now, orctl knows before.
local function check_certificates()
  local _, reasons = require("orctl.tls.pair").read_tree(tree .. "/")
  for _, reason in ipairs(reasons) do fault(reason) end
end
ok, err = pcall(check_certificates)
if not ok then fault(tostring(err)) end

io.stderr:flush()
os.exit(faults == 0 and 0 or 1)
