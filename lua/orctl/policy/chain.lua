-- What a route does to a request beyond choosing its upstream. Each policy is one file of this
-- folder and one field of a route in schemas/instance.json, which marks the phases of nginx that it
-- needs (x-phase) and says when it acts among the others (x-policies). orctl hands that list over
-- in settings.json, and nginx.conf has a phase only if a route of the manifest needs it.
--
-- A policy's file, named as its field, may have:
--   rule                  what its field may hold, for document/check.lua
--   check(route, report)  what a rule cannot say of a route, with or without the field
--   compile(value, route, compiled, seconds)  what requests are served from; nil: nothing
--   key                   name of that in the compiled route, if it is another than the field's
--   rewrite(value, route), access(value, route), header_filter(value, route): what it does in that
--     phase with what compile() returned; true if the request has its answer by that
--   usual                 what routes without the field have instead, once init() has run
--   init(phases)          in the master of an instance that runs the phases
--   refusal(value, phases)  why an instance that runs them cannot serve the value all the same
--   upstream              name of its member that names an upstream of the document
--   most                  how many routes of a document may have it
--   place(routes), find_places(routes)  as rate_limit.lua says
local json = require("orctl.lib.json")
local step = require("orctl.lib.pace").step

local _M = {}

-- In which a policy's own function runs, and the field of a built route that holds them all.
local PHASES = { "rewrite", "access", "header_filter" }
local CHAINS = { rewrite = "rewrite_chain", access = "access_chain",
  header_filter = "header_filter_chain" }
-- The phases of a cycle whose gateway named none: an older one, which knew only these.
local FIRST_PHASES = { "rewrite", "header_filter" }

local list = {}    -- of policies: {name, key, module, phases}, in the order in which they act
local rules        -- of a route's fields, which those of the policies belong to
local none = {}    -- the chain of whoever has no policy
local usual = {}   -- by phase: the chain of requests without a route

local function set(names)
  local all = {}
  for _, name in ipairs(names) do all[name] = true end
  return all
end

local function load_policy(one)
  local module = require("orctl.policy." .. one.name)
  local marked = set(one.phases)
  for _, phase in ipairs(PHASES) do
    if module[phase] and not marked[phase] then
      error(("policy %s works in phase %s, which the schema does not mark"):format(one.name, phase),
        0)
    end
  end
  return { name = one.name, key = module.key or one.name, module = module, phases = one.phases }
end

-- The functions of a route's policies in a phase, each followed by its value: {f, value, f, ...}.
local function chain_of(route, phase)
  local chain = none
  for i = 1, #list do
    local module, value = list[i].module, route[list[i].key]
    local run = module[phase]
    if value == nil then
      value = module.usual
    end
    if run and value ~= nil then
      chain = chain == none and {} or chain
      chain[#chain + 1], chain[#chain + 2] = run, value
    end
  end
  return chain
end

--- In the master, before any document is read: `policies` as settings.json lists them; `phases`
-- that nginx.conf has for them, nil if none.
function _M.init(policies, phases)
  list = {}
  for i, one in ipairs(policies) do
    list[i] = load_policy(one)
    if phases and list[i].module.init then
      list[i].module.init(phases)
    end
  end
  for _, phase in ipairs(PHASES) do
    usual[phase] = chain_of({}, phase)
  end
  _M.add_rules(rules)
end

--- Adds the rules of the policies to those of a route's other fields, now and when they are known.
function _M.add_rules(fields)
  rules = fields
  for _, one in ipairs(rules and list or {}) do
    rules[one.name] = one.module.rule
  end
end

--- What rules cannot say of the policies of one route, or of its having none.
function _M.check(route, report)
  for _, one in ipairs(list) do
    if one.module.check then
      one.module.check(route, report)
    end
  end
end

-- Whether a field says more than its absence: not when it is false, or empty all through.
local function says_something(field)
  if type(field) ~= "table" or field == json.null then
    return field ~= nil and field ~= false
  end
  for name, one in pairs(field) do
    -- an object that was empty holds a mark and nothing else
    if name ~= "" and (type(one) ~= "table" or says_something(one)) then
      return true
    end
  end
  return false
end

--- Puts what requests are served from into a compiled route.
function _M.compile(route, compiled, seconds)
  for i = 1, #list do
    local one = list[i]
    local value = route[one.name]
    if value ~= nil and says_something(value) then
      compiled[one.key] = one.module.compile(value, route, compiled, seconds)
    end
  end
end

--- Names of the policies that `member` of the file says something of, each with what it says.
function _M.with(member)
  local i = 0
  return function()
    repeat
      i = i + 1
    until not list[i] or list[i].module[member]
    if list[i] then
      return list[i].name, list[i].module[member]
    end
  end
end

--- Routes for the router, made of a document's compiled ones, which stay as they are.
function _M.build(routes)
  local built = {}
  for _, find_places in _M.with("find_places") do
    find_places(routes)
  end
  for i, route in ipairs(routes) do
    local copy = {}
    step()
    for name, value in pairs(route) do copy[name] = value end
    local connect, send, read = route.connect_timeout, route.send_timeout, route.read_timeout
    copy.timeouts = (connect or send or read) and { connect, send, read } or nil
    for _, phase in ipairs(PHASES) do
      copy[CHAINS[phase]] = chain_of(route, phase)
    end
    built[i] = copy
  end
  return built
end

--- Under the lock of what is shared: what all workers must agree on of these compiled routes. A
-- function that keeps that, for when the routes are served; nil if there is nothing to keep.
function _M.place(routes)
  local keepers = {}
  for _, place in _M.with("place") do
    keepers[#keepers + 1] = place(routes)
  end
  return keepers[1] and function()
    for _, keep in ipairs(keepers) do keep() end
  end or nil
end

-- The policies that need a phase which does not run.
local function unserved(phases)
  local runs = set(phases and (phases.phases or FIRST_PHASES) or {})
  runs.balancer = true
  local lacking = {}
  for _, one in ipairs(list) do
    for _, phase in ipairs(one.phases) do
      if not runs[phase] and lacking[#lacking] ~= one then
        lacking[#lacking + 1] = one
      end
    end
  end
  return lacking
end

--- Pointer and reason if an instance cannot serve these compiled routes without a reload. `phases`
-- is what its settings say of policies: {phases, limit, cap}, the last two sizes of bodies in
-- bytes, 0 for no limit; nil if nginx.conf has no phases for them.
function _M.refusal(routes, phases)
  local lacking = unserved(phases)
  for i, route in ipairs(routes) do
    for _, one in ipairs(lacking) do
      if route[one.key] ~= nil then
        return "/routes/" .. i - 1, ("this route has a policy (%s), and the instance runs without "
          .. "the phases for that; `orctl apply` of a manifest with it reloads once, and then such "
          .. "changes are hot"):format(one.name)
      end
    end
    for _, one in ipairs(phases and list or none) do
      local value, refusal = route[one.key], one.module.refusal
      local reason = value ~= nil and refusal and refusal(value, phases)
      if reason then
        return ("/routes/%d/%s"):format(i - 1, one.name), reason
      end
    end
  end
end

local function run(chain, route)
  for i = 1, #chain, 2 do
    if chain[i](chain[i + 1], route) then
      return
    end
  end
end

--- Rewrite phase: carries out what `route` (nil: none matched) says.
function _M.rewrite(route)
  return run(route and route.rewrite_chain or usual.rewrite, route)
end

--- Access phase: the same, of a request whose route the rewrite phase has found.
function _M.access(route)
  return run(route and route.access_chain or usual.access, route)
end

--- Header filter phase: the same, of the answer to such a request.
function _M.header_filter(route)
  return run(route and route.header_filter_chain or usual.header_filter, route)
end

return _M
