-- The jobs of a window, newest first, from one queue or merged from all queues.
-- Returns {total, {place that has a wrong type…}, {row…}, {low, high, …}, number, {queue, count, …}}: the lifetimes that were
-- seen; how many jobs are in order, false for all; the queues that hold such jobs. Of more than `most` of them, false for rows.
-- requires: row, merge, lifetimes, newest
-- arguments: status, all, queue, offset, limit, sorted, backwards, bare, most, samples, phase, known, now, clock
-- Positional arguments: the names of the queues that are merged, where these are known; else all are looked for.
-- `bare`: 1 for {id, queue, score, time} of each job instead of its row.
-- `all`: 1 for all queues instead of `queue`. They are merged by the time of the status in the job's hash, or by the score if
-- it has none. `sorted`: up to this number of jobs they are all read and sorted, so that also a registry whose own order is
-- another one, as it has jobs that are kept for different times, comes in that order. `backwards`: 1 for the oldest first; the
-- offset is then counted from the oldest.
-- Of more ended jobs, about `samples` all over the lists, evenly from `phase` (0 to 1) on, tell for how long they are kept,
-- besides the lifetimes that are `known` already. Where they are kept for different times, first come those of `newest_by_end`,
-- whose number is returned; the others follow in the order of the registry.
-- `now`: which time it is, '' for that of the server; `clock`: our own, for servers that do not tell theirs (seconds).

local kind, listed = statuses.registry[args.status], statuses.place[args.status] == 'queue'
local time_field = statuses.time[args.status]
local offset, limit = tonumber(args.offset), tonumber(args.limit)
local wrong = {}

local function place(name)
  return listed and keys.queue(name) or keys.registry(kind, name)
end

local function names_of_queues()
  if args.all ~= '1' then
    return { args.queue }
  end
  if #ARGV >= FIRST then
    return { unpack(ARGV, FIRST) }
  end
  local names, members = {}, reply_of('SMEMBERS', keys.QUEUES)
  if not members then
    wrong[#wrong + 1] = keys.QUEUES
    return {}
  end
  for _, key in ipairs(members) do
    if string.sub(key, 1, #keys.QUEUE_PREFIX) == keys.QUEUE_PREFIX then
      names[#names + 1] = string.sub(key, #keys.QUEUE_PREFIX + 1)
    end
  end
  table.sort(names)
  return names
end

local function length(name)
  local count = reply_of(listed and 'LLEN' or 'ZCARD', place(name))
  if not count then
    wrong[#wrong + 1] = place(name)
    return 0
  end
  return count
end

-- count jobs of a list from a rank on, newest first, each as {id, queue, score}, put behind those found before
local function read(list, first, count, found)
  if listed then
    local ids = redis.call('LRANGE', list.place, -(first + count), -(first + 1))
    for i = #ids, 1, -1 do
      found[#found + 1] = { ids[i], list.name, '' }
    end
    return
  end
  local entries = redis.call('ZREVRANGE', list.place, first, first + count - 1, 'WITHSCORES')
  for i = 1, #entries, 2 do
    local id = statuses.runs[args.status] and string.match(entries[i], '^(.*):[^:]*$') or entries[i]
    found[#found + 1] = { id, list.name, entries[i + 1] }
  end
end

-- the same from a place on among those that are not taken
local function slice(list, first, count)
  local found, taken, next, at = {}, list.taken, 1, first
  while taken[next] and taken[next] <= at do
    next, at = next + 1, at + 1
  end
  while #found < count do
    local run = math.min(count - #found, (taken[next] or list.count) - at)
    if run > 0 then -- else the last rank could be -0, which some servers reject as a number
      read(list, at, run, found)
    end
    if not taken[next] then
      return found
    end
    next, at = next + 1, taken[next] + 1
  end
  return found
end

local function time_of(entry)
  return time_field and (reply_of('HGET', keys.job(entry[1]), time_field) or '') or tonumber(entry[3])
end

local mixed = false -- whether jobs are kept for different times

-- by what lists are merged; of mixed lifetimes it is the expiry: each list is sorted only by that
local function rank(entry)
  return not mixed and time_of(entry) or tonumber(entry[3])
end

local function now()
  if args.now ~= '' then
    return tonumber(args.now)
  end
  local time = redis.pcall('TIME') -- it may be refused
  return time.err and tonumber(args.clock) or time[1] + time[2] / 1000000
end

local function by_time(lists)
  local all = {}
  for _, list in ipairs(lists) do
    for _, entry in ipairs(slice(list, 0, list.count)) do
      all[#all + 1] = { time_of(entry), #all, entry }
    end
  end
  table.sort(all, function(a, b)
    if a[1] ~= b[1] then
      return a[1] > b[1]
    end
    return a[2] < b[2]
  end)
  local picked = {}
  for i = offset + 1, math.min(offset + limit, #all) do
    picked[#picked + 1] = all[i][3]
  end
  return picked
end

-- the entry of a queue at a rank; where one after the other is read, several are read at once
local MOST_AHEAD = 32
local function entry_at(list, first)
  local block = list.block or { first = -1 }
  local found = block[first - block.first + 1]
  if not found then
    local ahead = first == block.first + #block and math.min(MOST_AHEAD, 2 * #block) or 1
    list.block = slice(list, first, math.min(ahead, list.count - #list.taken - first))
    list.block.first, found = first, list.block[1]
  end
  return found
end

-- the entries of a window of those that are not taken
local function by_rank(lists, first, count)
  if #lists == 1 then
    return slice(lists[1], first, math.max(0, math.min(count, lists[1].count - #lists[1].taken - first)))
  end
  local rests, picked = {}, {}
  for _, list in ipairs(lists) do
    local left = list.count - #list.taken
    rests[#rests + 1] = left > 0 and { list = list, count = left } or nil
  end
  for i, found in ipairs(merge(rests, first, count, function(rest, at)
    return rank(entry_at(rest.list, at))
  end)) do
    picked[i] = entry_at(found[1].list, found[2])
  end
  return picked
end

-- scores and ends of some jobs of each list
local function samples_of(lists, total)
  local found = {}
  for _, list in ipairs(lists) do
    local number = math.max(1, math.floor(args.samples * list.count / total))
    for i = 0, number - 1 do
      local at = math.floor((i + args.phase) * list.count / number)
      local entry = redis.call('ZREVRANGE', list.place, at, at, 'WITHSCORES')
      found[#found + 1], found[#found + 2] = entry[2], reply_of('HGET', keys.job(entry[1]), time_field) or ''
    end
  end
  return found
end

local lists, held, total = {}, {}, 0
for _, name in ipairs(names_of_queues()) do
  local count = length(name)
  if count > 0 then
    lists[#lists + 1] = { name = name, place = place(name), count = count, taken = {} }
    held[#held + 1], held[#held + 2], total = name, count, total + count
  end
end
if #lists > tonumber(args.most) then
  return { total, wrong, false, {}, 0, held }
end
if args.backwards == '1' then
  limit = math.max(0, math.min(limit, total - offset))
  offset = total - offset - limit
end

local entries, spans, head = {}, {}, {}
local by_end = time_field and not listed -- the order of the registry may be another one
if total <= tonumber(args.sorted) and (#lists > 1 or by_end) then
  entries = by_time(lists)
else
  if by_end then
    spans = lifetimes_in(args.samples ~= '0' and samples_of(lists, total) or {}, args.known)
    mixed = not are_alike(spans)
    head = mixed and newest_by_end(lists, spans, now()) or {}
  end
  for i = offset + 1, math.min(offset + limit, #head) do
    entries[#entries + 1] = head[i]
  end
  for _, entry in ipairs(by_rank(lists, math.max(0, offset - #head), limit - #entries)) do
    entries[#entries + 1] = entry
  end
end
local rows = {}
for i, entry in ipairs(entries) do
  local at = args.backwards == '1' and #entries + 1 - i or i
  if args.bare == '1' then
    rows[at] = { entry[1], entry[2], entry[3], time_field and time_of(entry) or entry[3] }
  else
    rows[at] = row(entry[1], entry[2], entry[3])
  end
end
local kept = {}
for _, span in ipairs(spans) do
  kept[#kept + 1], kept[#kept + 2] = string.format('%.0f', span[1]), string.format('%.0f', span[2])
end
return { total, wrong, rows, kept, mixed and #head, args.bare == '1' and held or {} }
