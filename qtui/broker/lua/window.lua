-- The jobs of a window, newest first, from one queue or merged from all queues.
-- Returns {total, {place that has a wrong type…}, {row…}}; of more than `most` queues that hold such jobs, in the place of the
-- rows false, and then the names of these queues.
-- requires: row, merge
-- arguments: status, all, queue, offset, limit, sorted, backwards, bare, most
-- Positional arguments: the names of the queues that are merged, where these are known; else all are looked for.
-- `bare`: 1 for {id, queue, score, time} of each job instead of its row.
-- `all`: 1 for all queues instead of `queue`. They are merged by the time of the status in the job's hash, or by the score if
-- it has none. `sorted`: up to this number of jobs they are all read and sorted, so that also a registry whose own order is
-- another one, as it has jobs that are kept for different times, comes in that order. `backwards`: 1 for the oldest first; the
-- offset is then counted from the oldest.

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

-- count jobs of a queue from rank first on, newest first, each as {id, queue, score}
local function slice(name, first, count)
  local found = {}
  if count == 0 then
    return found -- the last rank would be -0, which some servers reject as a number
  elseif listed then
    local ids = redis.call('LRANGE', place(name), -(first + count), -(first + 1))
    for i = #ids, 1, -1 do
      found[#found + 1] = { ids[i], name, '' }
    end
    return found
  end
  local entries = redis.call('ZREVRANGE', place(name), first, first + count - 1, 'WITHSCORES')
  for i = 1, #entries, 2 do
    local id = statuses.runs[args.status] and string.match(entries[i], '^(.*):[^:]*$') or entries[i]
    found[#found + 1] = { id, name, entries[i + 1] }
  end
  return found
end

local function rank(entry)
  if not time_field then
    return tonumber(entry[3])
  end
  return reply_of('HGET', keys.job(entry[1]), time_field) or ''
end

local function by_time(names, counts)
  local all = {}
  for i, name in ipairs(names) do
    for _, entry in ipairs(slice(name, 0, counts[i])) do
      all[#all + 1] = { rank(entry), #all, entry }
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
    list.block = slice(list.name, first, math.min(ahead, list.count - first))
    list.block.first, found = first, list.block[1]
  end
  return found
end

local function merged(names, counts)
  local lists = {}
  for i, name in ipairs(names) do
    lists[#lists + 1] = counts[i] > 0 and { name = name, count = counts[i] } or nil
  end
  local picked = {}
  for i, found in ipairs(merge(lists, offset, limit, function(list, first)
    return rank(entry_at(list, first))
  end)) do
    picked[i] = entry_at(found[1], found[2])
  end
  return picked
end

local names, counts, total = {}, {}, 0
for _, name in ipairs(names_of_queues()) do
  local count = length(name)
  if count > 0 then
    names[#names + 1], counts[#counts + 1], total = name, count, total + count
  end
end
if #names > tonumber(args.most) then
  return { total, wrong, false, names }
end
if args.backwards == '1' then
  limit = math.max(0, math.min(limit, total - offset))
  offset = total - offset - limit
end

local entries
if total <= tonumber(args.sorted) and (#names > 1 or (time_field and not listed)) then
  entries = by_time(names, counts)
elseif #names == 1 then
  entries = slice(names[1], offset, math.max(0, math.min(limit, counts[1] - offset)))
else
  entries = merged(names, counts)
end
local rows = {}
for i, entry in ipairs(entries) do
  local at = args.backwards == '1' and #entries + 1 - i or i
  if args.bare == '1' then
    rows[at] = { entry[1], entry[2], entry[3], time_field and rank(entry) or entry[3] }
  else
    rows[at] = row(entry[1], entry[2], entry[3])
  end
end
return { total, wrong, rows }
