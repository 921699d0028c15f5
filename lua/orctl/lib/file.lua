-- Files, read whole. Pure but for the disk.
local _M = {}

--- Bytes of the file at `path`; nil and the reason if it cannot be read.
function _M.read(path)
  local file, err = io.open(path, "rb")
  if not file then
    return nil, err
  end
  local bytes = file:read("*a")
  file:close()
  return bytes
end

return _M
