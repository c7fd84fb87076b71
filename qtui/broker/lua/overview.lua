-- What some queues hold, and what decides whether they move.
-- Returns for each queue that holds jobs, or has workers or a scheduler: {its place among the given ones, 1 the first; how many
-- jobs are in each status; when the job at the head was enqueued; how many jobs are lost; overdue; held; 1 if a scheduler lives;
-- number of registered workers}. A queue that is left out has nothing of all that, and took one command.
-- requires: reply_of, format
-- arguments: counted, now, late
-- `counted`: the statuses, as JSON. `now`: before this a worker should have given a sign of life, `late`: a scheduled job
-- should have been queued (seconds).
-- Positional arguments: the names of the queues.

check_format()
local counted = cjson.decode(args.counted)

local function place(status, name)
  return statuses.place[status] == 'queue' and keys.queue(name) or keys.registry(statuses.registry[status], name)
end

local function waiting_since(name)
  local head = reply_of('LINDEX', keys.queue(name), 0)
  return head and reply_of('HGET', keys.job(head), 'enqueued_at') or false
end

-- `left`: how many of its keys exist. Once that many were found not to be empty, nothing more is asked: most queues have few.
local function look(at, name, places, left)
  local function size_of(command, key)
    local size = left > 0 and reply_of(command, key) or 0
    left = size > 0 and left - 1 or left
    return size
  end

  local found, count = { at - FIRST + 1 }, {}
  local registered = size_of('SCARD', keys.queue_workers(name))
  for i, status in ipairs(counted) do
    local size = size_of(statuses.place[status] == 'queue' and 'LLEN' or 'ZCARD', places[i])
    count[status], found[#found + 1] = size, size
  end
  found[#found + 1] = count.queued > 0 and waiting_since(name)
  found[#found + 1] = count.started > 0 and reply_of('ZCOUNT', place('started', name), '-inf', args.now) or 0
  found[#found + 1] = count.scheduled > 0 and reply_of('ZCOUNT', place('scheduled', name), '-inf', args.late) or 0
  found[#found + 1] = count.deferred > 0 and reply_of('ZCOUNT', place('deferred', name), keys.HELD_FROM, '+inf') or 0
  found[#found + 1] = size_of('EXISTS', keys.scheduler_lock(name))
  found[#found + 1] = registered
  return found
end

local rows = {}
for at = FIRST, #ARGV do
  local name, places = ARGV[at], {}
  for i, status in ipairs(counted) do
    places[i] = place(status, name)
  end
  local existing = redis.call('EXISTS', keys.scheduler_lock(name), keys.queue_workers(name), unpack(places))
  if existing > 0 then
    rows[#rows + 1] = look(at, name, places, existing)
  end
end
return rows
