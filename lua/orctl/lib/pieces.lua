-- Reads a long JSON text piece by piece, so that others get their turn in between. One pass finds
-- the brackets and commas; what lies between two commas of one list or object is a piece, which is
-- read by whoever knows how to read a short text. Pure, but for the pauses.
local ffi = require("ffi")
local step = require("orctl.lib.pace").step

local _M = {}

local min, sub = math.min, string.sub

local PIECE = 16384   -- bytes; whatever is shorter is read at once
local SOLID = 1048576 -- bytes that one string, or what stands between two values, has at most
-- What counts as work: a bracket, comma, string or what is between them; and each byte.
local TOKEN, BYTE = 0.03, 0.01
local PART = 4096     -- bytes of a string that are looked at at once
local STRETCH = 20    -- items of work between two looks at the pace

local QUOTE, COMMA, BACKSLASH = 34, 44, 92
local LIST, OBJECT, LIST_END, OBJECT_END = 91, 123, 93, 125

local opens = { [LIST_END] = LIST, [OBJECT_END] = OBJECT }
local heads = { [LIST] = "[", [OBJECT] = "{" }
local tails = { [LIST] = "]", [OBJECT] = "}" }

local function fail(...)
  error({ reason = string.format(...) }, 0)
end

local function is_blank(self, from, to)
  return not sub(self.text, from, to):find("[^ \t\r\n]")
end

local function decode(self, text, before)
  local value, err = self.decode(text, before)
  if err then
    fail("%s", err)
  end
  return value
end

local function add_member(frame, name, value)
  if frame.value[name] ~= nil then
    fail("an object names a member twice")
  end
  frame.value[name] = value
end

-- Reads what a list or object holds from where it is read up to `to`: whole items.
local function read(self, frame, to)
  local from = frame.at
  if is_blank(self, from, to) then
    fail("a value is missing before byte %d", to + 1)
  end
  local text = heads[frame.kind] .. sub(self.text, from, to) .. tails[frame.kind]
  local part = decode(self, text, from - 2)
  frame.value = frame.value or {}
  if frame.kind == OBJECT then
    for name, value in pairs(part) do add_member(frame, name, value) end
    return
  end
  local count = #frame.value
  for i = 1, #part do
    frame.value[count + i] = part[i]
  end
end

-- Reads what stands before the current item, which is a list or object that begins at `to`.
local function read_before(self, frame, to)
  if frame.item > frame.at then
    read(self, frame, frame.item - 2)
  end
  frame.value = frame.value or {}
  if frame.kind == LIST then
    if not is_blank(self, frame.item, to - 1) then
      fail("byte %d begins no value", to)
    end
    return
  end
  local named = decode(self, "{" .. sub(self.text, frame.item, to - 1) .. "0}", frame.item - 2)
  local name, value = next(named)
  if value ~= 0 or next(named, name) ~= nil then
    fail("byte %d begins no member", to)
  end
  frame.name = name
end

-- The innermost list or object is long, so those around it are: they are read up to it.
local function divide(self)
  local frames = self.frames
  for i = 1, #frames - 1 do
    if not frames[i].divided then
      frames[i].divided = true
      read_before(self, frames[i], frames[i + 1].open)
    end
  end
end

local function check_end(self, frame, at)
  if not is_blank(self, frame.item, at - 1) then
    fail("byte %d ends no value", at)
  end
end

local function on_comma(self, at)
  local frame = self.frames[#self.frames]
  if not frame then
    fail("byte %d is outside the value", at)
  elseif frame.ended then
    check_end(self, frame, at)
    frame.ended, frame.at = false, at + 1
  elseif at - frame.at >= self.piece then
    divide(self)
    read(self, frame, at - 1)
    frame.at = at + 1
  end
  frame.item = at + 1
end

-- `at` is where what is not read yet begins, and `item` where the current item does; `value` is
-- what has been read, if something has; `ended` tells that the current item has been read as well.
local function on_open(self, kind, at)
  local frames = self.frames
  local above = frames[#frames]
  if #frames == self.depth then
    fail("byte %d begins a value inside of %d others", at, self.depth)
  elseif above and above.ended or not above and not is_blank(self, self.outside, at - 1)
    or self.outside > 1 and not above then
    fail("byte %d begins no value", at)
  end
  frames[#frames + 1] = { kind = kind, open = at, at = at + 1, item = at + 1, ended = false }
end

local function on_close(self, kind, at)
  local frames = self.frames
  local frame = frames[#frames]
  if not frame or frame.kind ~= kind then
    fail("byte %d closes what is not open", at)
  elseif frame.ended then
    check_end(self, frame, at)
  elseif frame.value then
    read(self, frame, at - 1)
  end
  frames[#frames] = nil
  local above = frames[#frames]
  if not above then
    self.value, self.outside = frame.value, at + 1
  elseif frame.value then
    if above.kind == LIST then
      above.value[#above.value + 1] = frame.value
    else
      add_member(above, above.name, frame.value)
    end
    above.divided, above.ended, above.item = false, true, at + 1
  end
end

-- Offset of the quote that ends a string; `stop` or one more if there is none before that.
local function skip_string(bytes, at, stop)
  while at < stop and bytes[at] ~= QUOTE do
    at = at + (bytes[at] == BACKSLASH and 2 or 1)
  end
  return at
end

-- Offset of the next quote, comma or bracket; `stop` if there is none before that.
local function skip_plain(bytes, at, stop)
  while at < stop do
    local byte = bytes[at]
    if byte == QUOTE or byte == COMMA or byte == LIST or byte == OBJECT or byte == LIST_END
      or byte == OBJECT_END then
      break
    end
    at = at + 1
  end
  return at
end

local function take(self, byte, at)
  if byte == COMMA then
    on_comma(self, at)
  elseif opens[byte] then
    on_close(self, opens[byte], at)
    return
  else
    on_open(self, byte, at)
  end
  self.count = self.count + 1
  if self.count > self.most then
    fail("it holds more than %d values", self.most)
  end
end

-- Where the bracket, comma, string, or what is neither, at offset `from` ends; at most `stop`,
-- where a string or what is neither goes on.
local function skip(self, bytes, from, stop)
  local byte = bytes[from]
  if self.in_string or byte == QUOTE then
    local at = skip_string(bytes, self.in_string and from or from + 1, stop)
    self.in_string = at >= stop
    self.solid = self.solid or from
    return self.in_string and at or at + 1
  elseif byte == COMMA or heads[byte] or opens[byte] then
    self.solid = nil
    take(self, byte, from + 1)
    return from + 1
  end
  self.solid = self.solid or from
  return skip_plain(bytes, from, stop)
end

local function scan(self)
  local bytes, stop = ffi.cast("const uint8_t *", self.text), #self.text
  local at, work = 0, 0
  while at < stop do
    local from = at
    at = skip(self, bytes, from, min(stop, from + PART))
    if self.solid and at - self.solid > SOLID then
      fail("byte %d begins a string or blanks of more than %d bytes", self.solid + 1, SOLID)
    end
    work = work + TOKEN + (at - from) * BYTE
    if work > STRETCH then
      step(work)
      work = 0
    end
  end
  if self.in_string then
    fail("a string does not end")
  elseif self.frames[1] then
    fail("a list or an object does not end")
  elseif self.value and not is_blank(self, self.outside, stop) then
    fail("byte %d is outside the value", self.outside)
  end
end

--- Value of a JSON text. `decode_piece(text, before)` reads a short one, of which byte 1 is byte
-- 1 + `before` of the whole: its value, or nil and a reason. `depth` is how many lists and objects
-- may stand in each other, `most` how many values there may be, `piece` how many bytes are short.
-- Nil and the reason if there is none.
function _M.decode(text, decode_piece, depth, most, piece)
  piece = piece or PIECE
  if #text <= piece then
    return decode_piece(text, 0)
  end
  local self = { piece = piece, text = text, decode = decode_piece, depth = depth, most = most,
    count = 0, frames = {}, outside = 1 }
  local ok, err = pcall(scan, self)
  if not ok then
    if type(err) ~= "table" then error(err, 0) end
    return nil, err.reason
  elseif self.value then
    return self.value
  end
  return decode_piece(text, 0)
end

return _M
