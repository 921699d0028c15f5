-- Where modules come from: the tree and the host's own folders, never the folder that nginx was
-- started in, which may be anybody's. Loading this module sees to that, so it is the first one.
local function without_relative(places)
  local kept = {}
  for place in places:gmatch("[^;]+") do
    if place:sub(1, 1) == "/" then
      kept[#kept + 1] = place
    end
  end
  return table.concat(kept, ";")
end

package.path = without_relative(package.path)
package.cpath = without_relative(package.cpath)

return {}
