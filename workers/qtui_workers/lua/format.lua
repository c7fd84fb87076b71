-- The number of the format in which programs of qtui write to this Redis (`keys.FORMAT`). A program that meets a higher number
-- than it knows must neither read nor write by guessing.
-- requires: reply_of

local KNOWN = tonumber(keys.KNOWN_FORMAT)

local function noted_format()
  return tonumber(reply_of('GET', keys.FORMAT) or '')
end

local function is_newer()
  return (noted_format() or 0) > KNOWN
end

-- raises where newer programs write here; returns the number that is noted
local function check_format()
  local noted = noted_format()
  if (noted or 0) > KNOWN then
    error('QTUI_FORMAT', 0)
  end
  return noted
end

-- the same; then notes that programs write here that know this format
local function keep_format()
  if check_format() ~= KNOWN then
    redis.call('SET', keys.FORMAT, KNOWN)
  end
end
