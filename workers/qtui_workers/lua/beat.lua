-- The heartbeat of a worker and of the job that it runs. Finds the jobs of other workers that have to be taken up.
-- Returns 1 where the worker is on record, 1 where the lease is held, then what is overdue: queue, JOB:EXECUTION and
-- score of each expired lease; then the queues that have entries between queue and start.
-- requires: lease
-- arguments: state, memory, id, queue, execution
-- The job's `id` is '' where there is none. Unnamed: the queues.

local MOST = 100

local known = heartbeat(args.state, args.memory)
if known then
  reply_of('EXPIRE', worker_executions, TTL)
end
local id, queue, execution = args.id, args.queue, args.execution
local held = true
if id ~= '' then
  held = holds_lease(id, queue, execution, '')
  if held then
    write_lease(id, queue, execution, lease_seconds(reply_of('HGET', keys.job(id), 'timeout')))
    if is_type(keys.job(id), 'hash') then
      redis.call('HSET', keys.job(id), 'last_heartbeat', ISO)
    end
  end
end

local expired, stranded = {}, {}
for position = FIRST, #ARGV do
  local name = ARGV[position]
  local found = reply_of('ZRANGEBYSCORE', lease_key(name), '-inf', SECONDS, 'WITHSCORES', 'LIMIT', 0, MOST) or {}
  for at = 1, #found, 2 do
    expired[#expired + 1] = { name, found[at], found[at + 1] }
  end
  if redis.call('EXISTS', keys.intermediate(name)) == 1 then
    stranded[#stranded + 1] = name
  end
end
return { known and 1 or 0, held and 1 or 0, expired, stranded }
