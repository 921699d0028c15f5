-- Whether a value of JSON follows a rule: {type, required, fields, names, values, items, min, ...}
-- says in Lua what a schema does. Pure, but for pauses in which requests are served while a large
-- document is read.
local json = require("orctl.lib.json")
local step = require("orctl.lib.pace").step

local _M = {}

local MAX_FAULTS = 1000
local DAY_MS = 24 * 3600 * 1000

-- A value as a message may show it: short and printable.
local function show(value)
  if json.type(value) == "array" or json.type(value) == "object" then
    return "an " .. json.type(value)
  end
  local text = value == json.null and "null" or tostring(value)
  text = text:gsub("[^ -~]", "?")
  text = #text > 60 and text:sub(1, 57) .. "..." or text
  return type(value) == "string" and "\"" .. text .. "\"" or text
end

local function pointer_part(name)
  return "/" .. tostring(name):gsub("[^ -~]", "?"):gsub("~", "~0"):gsub("/", "~1")
end

-- `faults.path` holds the names and indices that lead to the value in hand. It becomes a pointer
-- only here: a sound document makes none.
local function fault(faults, ...)
  faults.count = faults.count + 1
  if faults.count <= MAX_FAULTS then
    local parts = {}
    for i, name in ipairs(faults.path) do
      parts[i] = pointer_part(name)
    end
    faults[faults.count] = { pointer = table.concat(parts), detail = string.format(...) }
  end
end

local function fault_at(faults, path, ...)
  local saved = faults.path
  faults.path = path
  fault(faults, ...)
  faults.path = saved
end

local units = { ms = 1, s = 1000, m = 60000, h = 3600000 }

local function milliseconds(text)
  local number, unit = text:match("^(%d+)(%l+)$")
  number = tonumber(number)
  return number and units[unit] and number > 0 and number * units[unit] or nil
end

local check

local function check_object(value, rule, faults)
  local path = faults.path
  local depth = #path + 1
  local fields = rule.fields or {}
  step()
  for name, one in pairs(value) do
    step(0.1)
    -- An object that was empty holds a mark and nothing else.
    local mark = name == "" and one == json.null and next(value, next(value)) == nil
    path[depth] = name
    if rule.names and not mark then
      check(name, rule.names, faults)
      check(one, rule.values, faults)
    elseif not fields[name] and not mark then
      fault(faults, "unknown field %s", show(name))
    end
  end
  for name, field in pairs(fields) do
    path[depth] = name
    if value[name] ~= nil then
      check(value[name], field, faults)
    elseif field.required then
      fault(faults, "required field is missing")
    end
  end
  path[depth] = nil
end

local function check_array(value, rule, faults)
  if #value > rule.max_items then
    return fault(faults, "%d items are too many: at most %d", #value, rule.max_items)
  elseif #value < (rule.min_items or 0) then
    return fault(faults, "%d items are too few: at least %d", #value, rule.min_items)
  end
  local path = faults.path
  local depth = #path + 1
  for i = 1, #value do
    step()
    path[depth] = i - 1
    check(value[i], rule.items, faults)
  end
  path[depth] = nil
end

local function check_string(value, rule, faults)
  local good = (not rule.enum or rule.enum[value])
    and (not rule.pattern or value:find(rule.pattern))
    and (not rule.max_length or #value <= rule.max_length)
    and (not rule.check or rule.check(value))
    and (not rule.duration or milliseconds(value))
  if not good then
    fault(faults, "%s is not %s", show(value), rule.hint)
  elseif rule.duration and milliseconds(value) > (rule.longest or DAY_MS) then
    fault(faults, "%s is too long: at most \"%dh\"", show(value),
      (rule.longest or DAY_MS) / 3600000)
  end
end

-- Appends to `faults` where `value` does not follow `rule`.
function check(value, rule, faults)
  local kind = json.type(value)
  rule = rule.either and (rule.either[kind] or rule.either.string) or rule
  if kind == "number" and rule.type == "integer" then
    if value ~= math.floor(value) or value < rule.min or value > rule.max then
      fault(faults, "%s is not a whole number from %d to %d", show(value), rule.min, rule.max)
    elseif rule.check and not rule.check(value) then
      fault(faults, "%s is not %s", show(value), rule.hint)
    end
  elseif kind ~= rule.type then
    -- An empty table was `[]` in the source: json.decode marks empty objects.
    fault(faults, "%s is not %s %s", show(value), rule.type:find("^[aeiou]") and "an" or "a",
      rule.type)
  elseif kind == "object" then
    check_object(value, rule, faults)
  elseif kind == "array" then
    check_array(value, rule, faults)
  elseif kind == "string" then
    check_string(value, rule, faults)
  end
end

local function by_pointer(faults)
  faults.path = nil
  table.sort(faults, function(a, b)
    return a.pointer < b.pointer or (a.pointer == b.pointer and a.detail < b.detail)
  end)
  return faults
end

--- List of faults {pointer, detail} of any decoded value by the rule for it, in the order of their
-- pointers, empty if it is sound; `count` is their number, of which the first 1000 are kept.
-- `further(value, faults, fault_at)` adds what a rule cannot say of an object.
function _M.check(value, rule, further)
  local faults = { count = 0, path = {} }
  check(value, rule, faults)
  if further and json.type(value) == "object" then
    further(value, faults, fault_at)
  end
  return by_pointer(faults)
end

--- What is wrong in one line: the first fault, and how many there are more.
function _M.summary(faults)
  local first = faults[1]
  return ("%s: %s%s"):format(first.pointer == "" and "document" or first.pointer, first.detail,
    faults.count > 1 and (" (and %d more)"):format(faults.count - 1) or "")
end

-- For what a rule cannot say.
_M.show, _M.fault_at = show, fault_at

--- Seconds of a duration, which is sound.
function _M.seconds(text)
  return milliseconds(text) / 1000
end

return _M
