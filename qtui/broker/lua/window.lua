-- The jobs of a window, newest first, out of one queue or merged from all.
-- KEYS[1] the set of queue keys. ARGV[2] the queue's name, [3] '1' for all queues, [4] list | zset | wip,
-- [5] prefix of the place's key, [6] offset, [7] limit, [8] up to how many jobs in all are merged by time,
-- [9] the hash field to merge by ('' merges by score), [10] prefix of queue keys.
-- Gives {total, {place that has a wrong type…}, {row…}}.

local kind, place = ARGV[4], ARGV[5]
local offset, limit = tonumber(ARGV[6]), tonumber(ARGV[7])
local wrong = {}

local function names_of_queues()
  if ARGV[3] ~= '1' then
    return { ARGV[2] }
  end
  local names, members = {}, redis.pcall('SMEMBERS', KEYS[1])
  if members.err then
    wrong[#wrong + 1] = KEYS[1]
    return {}
  end
  for _, key in ipairs(members) do
    if string.sub(key, 1, #ARGV[10]) == ARGV[10] then
      names[#names + 1] = string.sub(key, #ARGV[10] + 1)
    end
  end
  table.sort(names)
  return names
end

local function length(name)
  local count = redis.pcall(kind == 'list' and 'LLEN' or 'ZCARD', place .. name)
  if type(count) == 'table' then
    wrong[#wrong + 1] = place .. name
    return 0
  end
  return count
end

-- count jobs of a queue from rank first on, newest first, each as {id, queue, score}
local function slice(name, first, count)
  local found = {}
  if kind == 'list' then
    local ids = redis.call('LRANGE', place .. name, -(first + count), -(first + 1))
    for i = #ids, 1, -1 do
      found[#found + 1] = { ids[i], name, '' }
    end
    return found
  end
  local entries = redis.call('ZREVRANGE', place .. name, first, first + count - 1, 'WITHSCORES')
  for i = 1, #entries, 2 do
    local id = kind == 'wip' and string.match(entries[i], '^(.*):[^:]*$') or entries[i]
    found[#found + 1] = { id, name, entries[i + 1] }
  end
  return found
end

local function rank(entry)
  if ARGV[9] == '' then
    return tonumber(entry[3])
  end
  local time = redis.pcall('HGET', spec.job .. entry[1], ARGV[9])
  return type(time) == 'string' and time or ''
end

local function merged(names, counts)
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

local function in_turn(names, counts)
  local picked, skip = {}, offset
  for i, name in ipairs(names) do
    if skip >= counts[i] then
      skip = skip - counts[i]
    else
      local wanted = math.min(limit - #picked, counts[i] - skip)
      for _, entry in ipairs(slice(name, skip, wanted)) do
        picked[#picked + 1] = entry
      end
      skip = 0
    end
    if #picked >= limit then
      break
    end
  end
  return picked
end

local names, counts, total = names_of_queues(), {}, 0
for i, name in ipairs(names) do
  counts[i] = length(name)
  total = total + counts[i]
end

local by_time = #names > 1 and total <= tonumber(ARGV[8])
local rows = {}
for _, entry in ipairs((by_time and merged or in_turn)(names, counts)) do
  rows[#rows + 1] = row(entry[1], entry[2], entry[3])
end
return { total, wrong, rows }
