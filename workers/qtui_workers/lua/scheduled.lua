-- Enqueues single jobs of the registry of scheduled jobs, as rq.scheduler.RQScheduler.enqueue_scheduled_jobs does, but only
-- what this script itself removes from the registry: a job that was canceled, removed or enqueued meanwhile is left as it is.
-- requires: leave, job_record
-- arguments: timeout
-- `timeout`: seconds that a job may take whose record names no timeout.

local NOW_TEXT = timestamp()

-- whether it was in the registry, and is not any more
local function take_from_registry(queue, id)
  return redis.call('ZREM', keys.registry(statuses.registry.scheduled, queue), id) == 1
end

-- rq.job.Job.should_enqueue_at_front
local function goes_to_front(record)
  local again = record.ended_at and tonumber(record.enqueue_at_front_on_retry)
  return (again and again ~= 0) or (tonumber(record.enqueue_at_front) or 0) ~= 0
end

local function is_limited(record)
  return record.rate_limit_key and (tonumber(record.rate_limit_concurrency) or 0) ~= 0
end

-- rq.job.Job.cleanup
local function expire(id, ttl)
  if ttl and ttl > 0 then
    redis.call('EXPIRE', keys.job(id), ttl)
    redis.call('EXPIRE', keys.dependents(id), ttl)
    redis.call('EXPIRE', keys.dependencies(id), ttl)
  end
end

-- rq.queue.Queue._enqueue_rate_limited_job
local function wait_for_limit(id, record)
  local limit = record.rate_limit_key
  redis.call('SADD', keys.RATE_LIMIT_KEYS, limit)
  redis.call('HSET', keys.rate_limit(limit), 'concurrency', record.rate_limit_concurrency)
  if goes_to_front(record) then
    redis.call('HSET', keys.job(id), 'enqueue_at_front', 1)
  end
  redis.call('ZADD', keys.rate_limited(limit), SECONDS, id)
  promote(limit, tonumber(record.rate_limit_concurrency))
end

-- why a job of that record cannot be enqueued: one of its keys has the wrong type; nil where it can
local function hindrance(queue, record)
  if not fits(keys.queue(queue), 'list') then
    return 'queue'
  elseif is_limited(record) and not limit_fits(record.rate_limit_key) then
    return 'limit'
  end
end

-- enqueues a job that was taken from the registry, and whose record has no hindrance
local function enqueue(queue, id, record)
  local deferred = keys.registry(statuses.registry.deferred, queue)
  if record.status == 'canceled' then
    return
  elseif record.status == 'deferred' and fits(deferred, 'zset') then
    redis.call('ZREM', deferred, id)
  end
  local key, timeout = keys.job(id), record.timeout or args.timeout
  if is_limited(record) then
    redis.call('HSET', key, 'origin', queue, 'timeout', timeout, 'status', 'rate_limited')
    expire(id, tonumber(record.ttl))
    return wait_for_limit(id, record)
  end
  redis.call('HSET', key, 'origin', queue, 'timeout', timeout, 'status', 'queued', 'enqueued_at', NOW_TEXT)
  expire(id, tonumber(record.ttl))
  redis.call(goes_to_front(record) and 'LPUSH' or 'RPUSH', keys.queue(queue), id)
end
