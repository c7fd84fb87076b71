-- Begins and ends a job as RQ's worker does (rq.worker.base, rq.executions, rq.job).
-- requires: reply_of, time, worker_record
-- arguments: now, lease
-- `now`: in seconds. `lease`: the seconds of a lease; 0: nobody renews it.
--
-- A lease is an entry JOB:EXECUTION of a queue's wip registry. Only the worker that removes it may end the job.
-- All decisions use the server's time.

local NOW, LEASE = args.now, tonumber(args.lease)
local worker_executions = keys.worker_executions(WORKER)

local function is_type(key, wanted)
  return redis.call('TYPE', key).ok == wanted
end

local function lease_key(queue)
  return keys.registry(statuses.registry.started, queue)
end

-- `...`: further fields and values of the execution
local function write_lease(id, queue, execution, seconds, ...)
  local member = id .. ':' .. execution
  local key, executions = keys.execution(id, execution), keys.executions(id)
  reply_of('ZADD', lease_key(queue), SECONDS + seconds, member)
  reply_of('HSET', key, 'last_heartbeat', NOW, ...)
  reply_of('EXPIRE', key, seconds)
  reply_of('ZADD', executions, SECONDS + seconds + 60, execution)
  reply_of('EXPIRE', executions, seconds + 60)
end

-- the seconds of a lease: where nobody renews it, those that the job may take, and a minute
local function lease_seconds(timeout)
  if LEASE > 0 then
    return LEASE
  end
  timeout = tonumber(timeout) or 180
  return (timeout > 0 and timeout or 86400) + 60
end

-- rq.job.Job.cancel removes the lease of a running job, but does not end the job
local function canceled_here(id)
  local fields = reply_of('HMGET', keys.job(id), 'status', 'worker_name') or {}
  return fields[1] == 'canceled' and fields[2] == WORKER
end

-- whether a lease still exists; where it is another worker's, its score must still be `seen` ('' for an own lease)
local function holds_lease(id, queue, execution, seen)
  local score = reply_of('ZSCORE', lease_key(queue), id .. ':' .. execution)
  if not score then
    return seen == '' and canceled_here(id)
  end
  return seen == '' or tonumber(score) == tonumber(seen)
end

-- rq.executions.Execution.delete, but for the entry among the worker's executions
local function release_lease(id, queue, execution)
  local member = id .. ':' .. execution
  redis.call('ZREM', lease_key(queue), member)
  redis.call('DEL', keys.execution(id, execution))
  reply_of('ZREM', keys.executions(id), execution)
end
