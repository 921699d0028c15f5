-- Host and path to the name of an upstream. Pure.
--
-- A match costs one table lookup for each distinct length of the prefixes in question, never one
-- for each route: 10,000 routes answer as quickly as ten.
local _M = {}

local byte, sub = string.byte, string.sub

local DOT = 46

-- A set of prefixes: `root` answers for "/", `lengths` are the other lengths, longest first.
local function add_path(paths, path, upstream)
  if path == "/" then
    paths.root = upstream
    return
  end
  if not paths.seen[#path] then
    paths.seen[#path] = true
    paths.lengths[#paths.lengths + 1] = #path
  end
  paths.by_prefix[path] = upstream
end

local function new_paths()
  return { root = nil, lengths = {}, seen = {}, by_prefix = {} }
end

local function longest_first(a, b)
  return a > b
end

local function finish(paths)
  table.sort(paths.lengths, longest_first)
  paths.seen = nil
end

--- Tables for match(), from routes {host = …, path = …, upstream = …} with hosts in lower case.
function _M.compile(routes)
  local exact, wildcard, default = {}, {}, new_paths()
  local lengths, seen = {}, {}
  for _, route in ipairs(routes) do
    local paths = default
    if route.host then
      local suffix = route.host:match("^%*(%..+)$")
      local class = suffix and wildcard or exact
      local key = suffix or route.host
      paths = class[key] or new_paths()
      class[key] = paths
      if suffix and not seen[#suffix] then
        seen[#suffix] = true
        lengths[#lengths + 1] = #suffix
      end
    end
    add_path(paths, route.path, route.upstream)
  end
  table.sort(lengths, longest_first)
  for _, class in ipairs({ exact, wildcard, { default } }) do
    for _, paths in pairs(class) do
      finish(paths)
    end
  end
  return { exact = exact, wildcard = wildcard, wildcard_lengths = lengths, default = default }
end

local function match_path(paths, path)
  local lengths = paths.lengths
  for i = 1, #lengths do
    local length = lengths[i]
    if length <= #path then
      local upstream = paths.by_prefix[sub(path, 1, length)]
      if upstream then
        return upstream
      end
    end
  end
  return paths.root
end

--- Name of the upstream for a host (lower case, no port) and a path; nil if no route matches.
-- The most specific host that has a route with a matching path wins: the exact one, then the
-- wildcards from the longest to the shortest, then the routes without a host.
function _M.match(router, host, path)
  local paths = router.exact[host]
  local upstream = paths and match_path(paths, path)
  if upstream then
    return upstream
  end
  local lengths = router.wildcard_lengths
  for i = 1, #lengths do
    local length = lengths[i]
    if length < #host and byte(host, -length) == DOT then
      paths = router.wildcard[sub(host, -length)]
      upstream = paths and match_path(paths, path)
      if upstream then
        return upstream
      end
    end
  end
  return match_path(router.default, path)
end

return _M
