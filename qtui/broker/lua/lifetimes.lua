-- lifetimes_in(samples, known): for how long ended jobs are kept, as seen in samples of them and as known before.
-- RQ has ended jobs in the order of expiry, not of their end. `samples` is {score, end, score, end, …}, `known` is
-- "LOW:HIGH LOW:HIGH …" in seconds; returns {{low, high}, …}, ascending spans that do not touch.
-- The lifetime of jobs that are kept for ever is FOREVER: RQ gives them no time, and has them in the order of their ids.
-- are_alike(spans): whether all jobs are kept equally long, so that the order of expiry is that of their end.

local FOREVER = -1
local ALIKE = 2 -- seconds between two jobs that RQ may have in either order, as it rounds the time of expiry
local MOST_SPANS = 6 -- of more, the nearest are taken together: a span of them costs more to read, and is as exact

-- a time as RQ writes it, as seconds since the epoch; nil for any other text
local function seconds_of(text)
  local form = '^(%d%d%d%d)%-(%d%d)%-(%d%d)[T ](%d%d):(%d%d):(%d%d%.?%d*)Z?$'
  local year, month, day, hour, minute, second = string.match(text, form)
  if not year or month < '01' or month > '12' then
    return nil
  end
  local floor = math.floor
  local from_march = (month + 9) % 12 -- years begin in March, so that a leap day is the last one
  local years = month <= '02' and year - 1 or tonumber(year)
  local leap_days = floor(years / 4) - floor(years / 100) + floor(years / 400)
  local days = 365 * years + leap_days + floor((153 * from_march + 2) / 5) + day - 719469
  return days * 86400 + hour * 3600 + minute * 60 + second
end

local function joined(spans)
  table.sort(spans, function(a, b)
    if a[1] ~= b[1] then
      return a[1] < b[1]
    end
    return a[2] < b[2]
  end)
  local found = {}
  for _, span in ipairs(spans) do
    local last = found[#found]
    if last and (last[1] ~= FOREVER and span[1] - last[2] <= ALIKE or span[1] == FOREVER) then
      last[2] = math.max(last[2], span[2])
    else
      found[#found + 1] = { span[1], span[2] }
    end
  end
  return found
end

local function lifetimes_in(samples, known)
  local spans = {}
  for low, high in string.gmatch(known, '(%S+):(%S+)') do
    spans[#spans + 1] = { tonumber(low), tonumber(high) }
  end
  for i = 1, #samples, 2 do
    local expiry, ended = tonumber(samples[i]), seconds_of(samples[i + 1])
    if not expiry or expiry < 0 or expiry == math.huge then -- the -1 that RQ writes for failed jobs
      spans[#spans + 1] = { FOREVER, FOREVER }
    elseif ended then
      spans[#spans + 1] = { math.max(0, math.floor(expiry - ended)), math.max(0, math.ceil(expiry - ended)) }
    end
  end
  spans = joined(spans)
  while #spans > MOST_SPANS do
    local at, least = 1, math.huge
    for i = 1, #spans - 1 do
      local gap = spans[i][1] == FOREVER and math.huge or spans[i + 1][1] - spans[i][2]
      if gap < least then
        at, least = i, gap
      end
    end
    spans[at][2] = spans[at + 1][2]
    table.remove(spans, at + 1)
  end
  return spans
end

local function are_alike(spans)
  return #spans < 2 and not (spans[1] and spans[1][1] == FOREVER)
end
