-- The heartbeat of a scheduler: it keeps its locks, takes those that are free, and enqueues jobs that are due in the queues
-- whose lock it has. Where another scheduler has a lock, nothing of that queue is changed.
-- Returns 1 where the scheduler is on record, 1 where more jobs are due, how many entries were taken from registries, the queues
-- whose lock it has, then for each due job that the caller has to check: its queue, its id, and '' or the key of a wrong type.
-- requires: scheduled, format
-- arguments: scheduler, iso, lasts, most
-- `iso`: now as RQ writes it. `lasts`: the seconds of a lock. `most`: jobs of all queues together. Unnamed: the queues.

check_format()
local lasts = tonumber(args.lasts)
local known = redis.call('EXISTS', keys.scheduler(args.scheduler))
local held, odd = {}, {}
local more, taken = 0, 0

-- rq.scripts.ACQUIRE_OR_REFRESH_LOCK_SCRIPT. SET needs memory, EXPIRE does not: a server without memory refuses the script here.
local function hold_lock(queue)
  local lock = keys.scheduler_lock(queue)
  if not fits(lock, 'string') then
    return false
  end
  local owner = redis.call('GET', lock)
  if owner and owner ~= args.scheduler then
    return false
  end
  redis.call('SET', lock, args.scheduler, 'EX', lasts)
  held[#held + 1] = queue
  return true
end

local function handle(queue, id)
  local record, plain = read_record(id)
  local hindered = record and hindrance(queue, record)
  if record and (hindered or not plain) then
    odd[#odd + 1] = { queue, id, hindered or '' }
    return
  end
  take_from_registry(queue, id)
  taken = taken + 1
  if record then
    enqueue(queue, id, record)
  end
end

local function enqueue_due(queue, most)
  local registry = keys.registry(statuses.registry.scheduled, queue)
  if not fits(registry, 'zset') then
    return 0
  end
  local ids = redis.call('ZRANGEBYSCORE', registry, '-inf', SECONDS, 'LIMIT', 0, most)
  for _, id in ipairs(ids) do
    handle(queue, id)
  end
  more = #ids == most and 1 or more
  return #ids
end

for at = FIRST, #ARGV do
  hold_lock(ARGV[at])
end
if known == 1 then
  redis.call('HSET', keys.scheduler(args.scheduler), 'last_heartbeat', args.iso)
  redis.call('EXPIRE', keys.scheduler(args.scheduler), lasts)
end
-- each queue gets its share, and what the queues before it have left
local left = tonumber(args.most)
for at, queue in ipairs(held) do
  left = left - enqueue_due(queue, math.max(1, math.floor(left / (#held - at + 1))))
end
return { known, more, taken, held, odd }
