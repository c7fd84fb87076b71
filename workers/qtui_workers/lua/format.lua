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

-- raises where newer programs write here
local function check_format()
  if is_newer() then
    error('QTUI_FORMAT', 0)
  end
end

-- the same; then notes that programs write here that know this format
local function keep_format()
  check_format()
  if noted_format() ~= KNOWN then
    redis.call('SET', keys.FORMAT, KNOWN)
  end
end
