-- The parts of a gateway document that speak of health: their rules, what a schema cannot say of
-- them, and how they are compiled. Pure; document/gateway.lua walks the rules.
local json = require("orctl.lib.json")

local _M = {}

local duration = { type = "string", duration = true, max_length = 9,
  hint = "a number above 0 and a unit: ms, s, m or h, such as \"500ms\"" }
local percent = { type = "integer", min = 1, max = 100 }

-- Any text. A limit counts characters, as JSON Schema does, and not bytes.
local function free_text(most)
  return { type = "string", max_length = most, pattern = "^[ -~\t\r\n]*$",
    hint = ("at most %d printable ASCII characters, tabs and line breaks"):format(most) }
end

local regex = free_text(1024)
local setting = { type = "string", max_length = 1024, pattern = "^[ -~]*$",
  hint = "at most 1024 printable ASCII characters" }

local function text(max_length, pattern, hint)
  return { type = "string", max_length = max_length, pattern = pattern, hint = hint }
end

local function count(min, max)
  return { type = "integer", min = min, max = max }
end

local header_value = { type = "string", max_length = 1024,
  check = function(value) return value:find("^[!-~]$") or value:find("^[!-~][ -~]*[!-~]$") end,
  hint = "a header's value: printable ASCII that neither begins nor ends with a blank" }

local module_name = { type = "string", max_length = 128,
  check = function(value)
    return value:find("^[%w_.-]+$") and not ("." .. value .. "."):find("..", 1, true)
  end,
  hint = "the name of a module: \"a.b\" for lua/a/b.lua" }

-- Fields of one check. Those beside `checks` hold for each of them that does not say otherwise.
local function check_fields()
  return {
    type = { type = "string", enum = { http = true, tcp = true, lua = true, error_ratio = true,
      latency = true }, hint = "\"http\", \"tcp\", \"lua\", \"error_ratio\" or \"latency\"" },
    interval = duration,
    interval_when_down = duration,
    interval_when_stable = duration,
    stable_after = count(1, 10000),
    jitter = count(0, 50),
    timeout = duration,
    rise = count(1, 100),
    fall = count(1, 100),
    path = text(1024, "^/[!-\"$->@-~]*$", "a path that begins with /, without spaces, ? and #"),
    method = { type = "string", enum = { GET = true, HEAD = true, POST = true, OPTIONS = true },
      hint = "\"GET\", \"HEAD\", \"POST\" or \"OPTIONS\"" },
    host = text(255, "^[%w._:-]+$", "a host name, with or without a port"),
    headers = { type = "object",
      names = text(128, "^[%w-]+$", "a header's name made of letters, digits and -"),
      values = header_value },
    status = { type = "array", min_items = 1, max_items = 32, items = { either = {
      number = count(100, 599),
      string = text(7, "^[1-5]%d%d%-[1-5]%d%d$", "a status code or a range such as \"200-299\""),
    } } },
    body = regex,
    tls = { type = "boolean" },
    tls_server_name = text(253, "^[%w._-]+$", "a host name"),
    tls_verify = { type = "boolean" },
    send = free_text(4096),
    expect = regex,
    module = module_name,
    settings = { type = "object",
      names = text(64, "^[%a_][%w_]*$", "a letter or _, then up to 63 of a-z, A-Z, 0-9 and _"),
      values = setting },
    window = duration,
    max_errors = percent,
    max_latency = duration,
    min_requests = count(1, 1000000),
  }
end

local check = { type = "object", fields = check_fields() }
check.fields.name = { type = "string", required = true, pattern = "^[a-z][a-z0-9_-]*$",
  max_length = 64, hint = "a lower-case letter, then up to 63 of a-z, 0-9, _ and -" }

--- Rules of an upstream's `health` and `outlier`, as document/gateway.lua reads them.
_M.health = { type = "object", fields = check_fields() }
_M.health.fields.checks = { type = "array", min_items = 1, max_items = 16, items = check }
_M.health.fields.require = { type = "string", enum = { all = true, any = true },
  hint = "\"all\" or \"any\"" }
_M.health.fields.min = count(1, 16)
_M.health.fields.flap = { type = "object", fields = {
  after = count(0, 100),
  window = duration,
  hold = duration,
  max_hold = duration,
} }

_M.outlier = { type = "object", fields = {
  consecutive_failures = count(0, 10000),
  error_ratio = percent,
  min_requests = count(1, 1000000),
  interval = duration,
  ejection_time = duration,
  max_ejection_time = duration,
  max_ejected = count(0, 100),
  panic_threshold = count(0, 100),
} }

-- Names of the user's modules, which only the tree knows; nil before it is asked.
local modules

--- Says which modules a `lua` check may name: the text of the tree's overlay.list, one a line.
function _M.set_modules(list)
  modules = {}
  for name in list:gmatch("[^\r\n]+") do modules[name] = true end
end

local function is_object(value)
  return json.type(value) == "object"
end

local function is_list(value)
  return json.type(value) == "array"
end

local function as_text(value)
  return type(value) == "string" and value or nil
end

-- What is wrong with one set of fields by itself; `fault(name, ...)`.
local function check_own(value, fault)
  for _, name in ipairs({ "body", "expect" }) do
    local pattern, err = as_text(value[name]), nil
    if pattern and ngx then -- without nginx nobody can tell
      err = select(3, ngx.re.find("", pattern, ""))
    end
    if err then
      fault({ name }, "the regular expression does not compile: %s", err:gsub("[^ -~]", "?"))
    end
  end
  local name = as_text(value.module)
  if name and module_name.check(name) and modules and not modules[name] then
    fault({ "module" }, "there is no module \"%s\" in the tree's folder lua", name)
  end
  for i, one in ipairs(is_list(value.status) and value.status or {}) do
    local low, high = tostring(one):match("^([1-5]%d%d)%-([1-5]%d%d)$")
    if low and low > high then
      fault({ "status", i - 1 }, "the range %s ends before it begins", one)
    end
  end
end

local function check_whole(kind, module, fault)
  if kind == nil then
    fault({ "type" }, "the type of the check is missing")
  elseif kind == "lua" and module == nil then
    fault({ "module" }, "a check of type \"lua\" needs a module")
  end
end

local function check_list(value, fault)
  local seen = {}
  for i, one in ipairs(value.checks) do
    if is_object(one) then
      local function fault_here(path, ...)
        fault({ "checks", i - 1, unpack(path) }, ...)
      end
      check_own(one, fault_here)
      check_whole(one.type or value.type, one.module or value.module, fault_here)
      local name = as_text(one.name)
      if name and seen[name] then
        fault_here({ "name" }, "a check of this name is named twice")
      end
      seen[name or ""] = true
    end
  end
end

--- What a schema cannot say of an upstream's `health`; `fault(path, ...)` takes the names that lead
-- to the place, and a format with its values.
function _M.check(value, fault)
  if not is_object(value) then
    return
  end
  check_own(value, fault)
  local checks = is_list(value.checks) and #value.checks or 0
  if checks > 0 then
    check_list(value, fault)
  else
    check_whole(value.type, value.module, fault)
  end
  if value.min ~= nil and value.require ~= nil then
    fault({ "min" }, "min and require exclude each other")
  elseif type(value.min) == "number" and value.min > math.max(checks, 1) then
    fault({ "min" }, "min asks for more checks than there are: %d", math.max(checks, 1))
  end
end

local defaults = {
  interval = "3s", timeout = "2s", rise = 2, fall = 3, jitter = 10, stable_after = 10,
  path = "/", method = "GET", status = { "200-399" }, tls = false, tls_verify = false,
  window = "10s", max_errors = 50, max_latency = "1s", min_requests = 20,
}
local flap_defaults = { after = 3, window = "1m", hold = "1m", max_hold = "10m" }
local outlier_defaults = { consecutive_failures = 5, min_requests = 20, interval = "10s",
  ejection_time = "30s", max_ejection_time = "5m", max_ejected = 50, panic_threshold = 50 }

-- The members of `values` that `rule` knows, or else of `others` or `presets`; durations in
-- seconds.
local function fill(rule, values, others, presets, seconds)
  local out = {}
  for name, field in pairs(rule.fields) do
    local value = values[name]
    if value == nil then value = others[name] end
    if value == nil then value = presets[name] end
    out[name] = value ~= nil and field.duration and seconds(value) or value
  end
  return out
end

local function ranges(list)
  local out = {}
  for i, one in ipairs(list) do
    local low, high = tostring(one):match("^(%d+)%-(%d+)$")
    out[i] = { tonumber(low or one), tonumber(high or one) }
  end
  return out
end

-- An object that was empty in the document holds a mark.
local function members(value)
  local out = {}
  for name, one in pairs(value or {}) do
    if one ~= json.null then out[name] = one end
  end
  return next(out) and out or nil
end

local function compile_check(value, health, seconds)
  local out = fill(check, value, health, defaults, seconds)
  out.status = ranges(out.status)
  out.headers, out.settings = members(out.headers), members(out.settings)
  out.jitter = out.jitter / 100
  out.name = value.name or out.type
  return out
end

--- The `health` of an upstream as a list of checks of which `need` must be good, and flap damping;
-- `seconds` makes a number of a duration.
function _M.compile(value, seconds)
  local checks = {}
  for i, one in ipairs(value.checks or { {} }) do
    checks[i] = compile_check(one, value, seconds)
  end
  local need = value.min or (value.require == "any" and 1) or #checks
  return { checks = checks, need = need,
    flap = fill(_M.health.fields.flap, value.flap or {}, {}, flap_defaults, seconds) }
end

--- The `outlier` of an upstream.
function _M.compile_outlier(value, seconds)
  return fill(_M.outlier, value, {}, outlier_defaults, seconds)
end

return _M
