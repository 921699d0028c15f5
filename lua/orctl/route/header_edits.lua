-- Edits of a header: their rule, and how they are compiled. Pure.
local fields = require("orctl.route.fields")

local _M = {}

local is_object, members, strings = fields.is_object, fields.members, fields.strings

-- What belongs to one connection (RFC 9110, 7.6.1).
local CONNECTION = "connection content-length http2-settings keep-alive proxy-authenticate "
  .. "proxy-authentication-info proxy-authorization proxy-connection proxy-features "
  .. "proxy-instruction te trailer transfer-encoding upgrade "

local values = { type = "object", names = fields.header_name, values = fields.header_value }

_M.rule = { type = "object", fields = {
  set = values,
  add = values,
  remove = { type = "array", items = fields.header_name, max_items = 100 },
} }

--- The names that nobody may edit: those of one connection, and `others`, which the gateway or
-- nginx writes itself.
function _M.kept(others)
  return fields.names(CONNECTION .. others)
end

--- The names that edits touch.
function _M.names(given)
  given = is_object(given) and given or {}
  local list = strings(given.remove)
  for _, kind in ipairs({ "set", "add" }) do
    for _, one in ipairs(members(given[kind])) do list[#list + 1] = one[1] end
  end
  return list
end

--- What a rule cannot say of a route's `field`.
function _M.check(route, field, kept, report)
  local given = is_object(route[field]) and route[field] or {}
  local list = {}
  for _, kind in ipairs({ "set", "add" }) do
    for _, one in ipairs(members(given[kind])) do
      list[#list + 1] = { one[1], { field, kind, one[1] } }
    end
  end
  for i, name in ipairs(strings(given.remove)) do
    list[#list + 1] = { name, { field, "remove", i - 1 } }
  end
  fields.check_names(list, {}, kept, report)
end

--- Lists to go through for each request; nil if there is nothing to edit.
function _M.compile(value)
  local set, add, remove = members(value.set), members(value.add), strings(value.remove)
  if #set + #add + #remove > 0 then
    return { set = set, add = add, remove = remove }
  end
end

return _M
