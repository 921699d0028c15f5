-- Which certificates a handshake gets for which name: the first of each key type that is for an
-- exact name, else for a wildcard, else the first of all with those beside it; of what is set,
-- OpenSSL takes the one that the client can use. lib/model/serving.cc says the same.
local _M = {}

local function share_name(one, other)
  local names = {}
  for _, name in ipairs(one.names) do names[name] = true end
  for _, name in ipairs(other.names) do
    if names[name] then
      return true
    end
  end
  return false
end

local function offer(group, entry)
  for _, other in ipairs(group) do
    if other.key_type == entry.key_type then
      return
    end
  end
  group[#group + 1] = entry
end

local function offer_for(groups, name, entry)
  groups[name] = groups[name] or {}
  offer(groups[name], entry)
end

--- The groups of entries {name, names, key_type} that for_name() finds; names that are served the
-- same have one and the same group.
function _M.of(entries)
  local exact, wildcard, default = {}, {}, {}
  for _, entry in ipairs(entries) do
    for _, host in ipairs(entry.names) do
      if host:sub(1, 2) == "*." then
        offer_for(wildcard, host:sub(2), entry)
      else
        offer_for(exact, host, entry)
      end
    end
    if entry == entries[1] or share_name(entries[1], entry) then offer(default, entry) end
  end
  local known = {}
  local function one_of_its_kind(group)
    local names = {}
    for i, entry in ipairs(group) do names[i] = entry.name end
    local text = table.concat(names, " ")
    known[text] = known[text] or group
    return known[text]
  end
  for _, groups in ipairs({ exact, wildcard }) do
    for name, group in pairs(groups) do groups[name] = one_of_its_kind(group) end
  end
  return { exact = exact, wildcard = wildcard, default = one_of_its_kind(default) }
end

--- The group for a name of a handshake or of a request, nil for none, in any case and as a name of
-- the root ("shop.example."); empty only where there are no certificates.
function _M.for_name(choice, name)
  local found
  if name then
    name = name:lower():gsub("%.$", "")
    found = choice.exact[name] or choice.wildcard[name:match("^[^.]+(%..+)$")]
  end
  return found or choice.default
end

return _M
