-- Begins and ends a job as RQ's worker does (rq.worker.base, rq.executions, rq.job).
-- requires: time
-- arguments: worker, iso, now, lease, ttl
-- `iso`: now as RQ writes it; `now`: in seconds. `lease`: its seconds, 0: nobody renews it. `ttl`: seconds after which the
-- worker is forgotten, 0: another one reports for it.
--
-- A lease is an entry JOB:EXECUTION of a queue's wip registry. Whoever removes it may end the job; nobody else can.
-- Times that decide something are the server's.

local WORKER, ISO, NOW = args.worker, args.iso, args.now
local LEASE, TTL = tonumber(args.lease), tonumber(args.ttl)
local worker_key, worker_executions = keys.worker(WORKER), keys.worker_executions(WORKER)

-- a write that a key of the wrong type does not stop: whoever broke that key must not hold up the worker
local function try(...)
  return redis.pcall(...)
end

local function is_type(key, wanted)
  return redis.call('TYPE', key).ok == wanted
end

local function lease_key(queue)
  return keys.registry(statuses.registry.started, queue)
end

-- the worker's sign of life; false where it is no longer on record
local function sign_of_life(state)
  if TTL == 0 or redis.call('EXISTS', worker_key) == 0 then
    return false
  end
  redis.call('HSET', worker_key, 'last_heartbeat', ISO, 'state', state)
  redis.call('EXPIRE', worker_key, TTL)
  try('EXPIRE', worker_executions, TTL)
  return true
end

-- `facts`: fields and values of the execution
local function write_lease(id, queue, execution, seconds, facts)
  local member = id .. ':' .. execution
  local key, executions = keys.execution(id, execution), keys.executions(id)
  try('ZADD', lease_key(queue), SECONDS + seconds, member)
  try('HSET', key, 'last_heartbeat', NOW, unpack(facts))
  try('EXPIRE', key, seconds)
  try('ZADD', executions, SECONDS + seconds + 60, execution)
  try('EXPIRE', executions, seconds + 60)
end

-- how long a lease is: where nobody renews it, as long as the job may take
local function lease_seconds(timeout)
  if LEASE > 0 then
    return LEASE
  end
  timeout = tonumber(timeout) or 180
  return (timeout > 0 and timeout or 86400) + 60
end

-- rq.job.Job.cancel of a job that runs takes its lease, but does not end it
local function canceled_here(id)
  local fields = redis.pcall('HMGET', keys.job(id), 'status', 'worker_name')
  return fields[1] == 'canceled' and fields[2] == WORKER
end

-- whether a lease is still there, and, where it is another's, as old as it was seen
local function holds_lease(id, queue, execution, seen)
  local score = redis.pcall('ZSCORE', lease_key(queue), id .. ':' .. execution)
  if type(score) ~= 'string' then
    return seen == '' and canceled_here(id)
  end
  return seen == '' or tonumber(score) == tonumber(seen)
end

-- rq.executions.Execution.delete
local function release_lease(id, queue, execution)
  local member = id .. ':' .. execution
  redis.call('ZREM', lease_key(queue), member)
  redis.call('DEL', keys.execution(id, execution))
  try('ZREM', keys.executions(id), execution)
  try('SREM', worker_executions, member)
end
