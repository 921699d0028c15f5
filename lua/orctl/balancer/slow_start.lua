-- A server that was added, or came back to health, gets its share bit by bit: `ramp` of its peer
-- grows from nearly 0 to 1, and is absent when the server has its whole weight. Pure.
local _M = {}

-- From the first moment there is some load to warm up with.
local LEAST = 0.01

--- Begins the ramp of a peer.
function _M.begin(peer, now)
  peer.ramp, peer.ramp_from, peer.credit = LEAST, now, 0
end

--- Moves the ramps of a list of peers to `now`, for ramps of `duration`, both in seconds; whether
-- there still are any.
function _M.move(peers, now, duration)
  local some = false
  for _, peer in ipairs(peers) do
    if peer.ramp then
      local part = (now - peer.ramp_from) / duration
      -- A clock that was set back must not hold a server down.
      if part >= 1 or part < 0 then
        peer.ramp, peer.ramp_from = nil, nil
      else
        peer.ramp, some = math.max(part, LEAST), true
      end
    end
  end
  return some
end

--- Whether a peer with a ramp may keep the turn that is due to it: just that part of all turns.
function _M.admits(peer)
  local ramp = peer.ramp
  if not ramp then
    return true
  end
  local credit = peer.credit + ramp
  local admitted = credit >= 1
  peer.credit = admitted and credit - 1 or credit
  return admitted
end

return _M
