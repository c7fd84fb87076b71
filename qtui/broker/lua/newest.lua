-- newest_by_end(lists, spans, now): of ended jobs that are kept for different times, those that ended last, newest first.
-- requires: reply_of, lifetimes
-- Registries of ended jobs are in the order of expiry. A job that is kept for L seconds expires L after its end, so those of one
-- lifetime are in the order of their end. For each of the `spans` of lifetimes a registry is read downwards from where a job
-- stands that ends `now`.
-- A list is a table with `name`, `place` and `count`; each gets `taken`, the ranks of the jobs that are returned, ascending.
-- Returns {id, queue, score, end} of each. No job outside of it ended later, as far as the lifetimes are known; it reads
-- at most MOST_READ entries, and returns nothing where that is too few.

local MOST_READ, MOST_LOOKS, NEVER = 700, 150, math.huge

local function end_of(id)
  return reply_of('HGET', keys.job(id), 'ended_at') or ''
end

-- a number of seconds since the epoch as RQ writes the times of jobs, whose order is that of these texts
local function as_text(seconds)
  local floor = math.floor
  local day, second = floor(seconds / 86400) + 719468, seconds % 86400
  local era = floor(day / 146097)
  day = day - era * 146097
  local year = floor((day - floor(day / 1460) + floor(day / 36524) - floor(day / 146096)) / 365)
  day = day - (365 * year + floor(year / 4) - floor(year / 100))
  local month = floor((5 * day + 2) / 153) -- from March on
  year = year + era * 400 + (month > 9 and 1 or 0)
  local of_month = day - floor((153 * month + 2) / 5) + 1
  local date = string.format('%04d-%02d-%02d', year, month < 10 and month + 3 or month - 9, of_month)
  return date .. string.format('T%02d:%02d:%02d', floor(second / 3600), floor(second / 60) % 60, second % 60)
end

local function looks_of(lists, spans, now)
  local looks = {}
  local function look(list, low, first, last)
    if first < last then
      looks[#looks + 1] = { list = list, low = low, at = first, last = last, block = 2, horizon = NEVER }
    end
  end
  for _, list in ipairs(lists) do
    local negative = redis.call('ZCOUNT', list.place, '-inf', '(0')
    for _, span in ipairs(spans) do
      local low, high = span[1], span[2]
      if low == FOREVER then
        look(list, NEVER, 0, redis.call('ZCOUNT', list.place, '+inf', '+inf'))
        look(list, NEVER, list.count - negative, list.count)
      else -- RQ rounds the time of expiry, and a job may be put there a moment after its end
        local above = string.format('(%.3f', now + high + 1)
        look(list, low - 1, redis.call('ZCOUNT', list.place, above, '+inf'), list.count - negative)
      end
    end
  end
  return looks
end

-- reads some more; afterwards every job of this lifetime that ended after the horizon was seen; returns how many were read
local function read_on(look, seen)
  local list, first, last = look.list, look.at, math.min(look.at + look.block, look.last)
  local entries = redis.call('ZREVRANGE', list.place, first, last - 1, 'WITHSCORES')
  for i = 1, #entries, 2 do
    local rank, id = first + (i - 1) / 2, entries[i]
    if not list.seen[rank] then
      list.seen[rank] = true
      seen[#seen + 1] = { id, list.name, entries[i + 1], end_of(id), list, rank, #seen }
    end
  end
  look.at, look.block = last, math.min(50, 2 * look.block)
  if last == look.last then
    look.horizon = -NEVER
  elseif look.low ~= NEVER then
    look.horizon = tonumber(entries[#entries]) - look.low
  end
  return last - first
end

local function furthest(looks)
  local found = looks[1]
  for _, look in ipairs(looks) do
    if look.horizon > found.horizon or (look.horizon == found.horizon and look.at < found.at) then
      found = look
    end
  end
  return found
end

local function newest_by_end(lists, spans, now)
  local looks, seen, head = looks_of(lists, spans, now), {}, {}
  for _, list in ipairs(lists) do
    list.seen, list.taken = {}, {}
  end
  if #looks == 0 or #looks > MOST_LOOKS then
    return head
  end
  local left, look = MOST_READ, looks[1]
  while look.horizon > -NEVER and left > 0 do
    left = left - read_on(look, seen)
    look = furthest(looks)
  end
  if look.horizon == NEVER then
    return head
  end
  local horizon = look.horizon == -NEVER and '' or as_text(math.floor(look.horizon) + 1)
  for _, entry in ipairs(seen) do
    if entry[4] > horizon and string.match(entry[4], '^%d%d%d%d%-') then
      head[#head + 1] = entry
      table.insert(entry[5].taken, entry[6])
    end
  end
  table.sort(head, function(a, b)
    if a[4] ~= b[4] then
      return a[4] > b[4]
    end
    return a[7] < b[7]
  end)
  for _, list in ipairs(lists) do
    table.sort(list.taken)
  end
  return head
end
