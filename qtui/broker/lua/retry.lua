-- Puts failed jobs back into the queue they came from, as rq.registry.FailedJobRegistry.requeue does, but all in one
-- step, without the expiry of the failure, and with fresh attempts where our producer said how many there are.

local FAILED = { failed = true, stopped = true }

local function limited(job)
  return job.rate_limit_key ~= ''
end

local function check_limit(job)
  if not limited(job) then
    return nil
  end
  local concurrency = tonumber(job.rate_limit_concurrency)
  if not concurrency or concurrency < 1 or not limit_fits(limit_keys(job.rate_limit_key)) then
    return 'its rate limit cannot be read'
  end
end

local function check(job)
  if job.damaged then
    return job.damaged == 'gone' and 'the job is gone' or "the job's key is not a hash"
  end
  if not FAILED[job.status] or (chosen_status == 'stopped' and job.status ~= 'stopped') then
    return 'no longer ' .. (chosen_status ~= '' and chosen_status or 'failed')
  end
  if job.origin == '' then
    return 'the job names no queue'
  end
  if chosen_queue ~= '' and job.origin ~= chosen_queue then
    return 'it belongs to another queue'
  end
  local registry = P .. 'failed:' .. job.origin
  if not fits(registry, 'zset') or not redis.call('ZSCORE', registry, job.id) then
    return 'no longer failed'
  end
  if not fits(P .. 'queue:' .. job.origin, 'list') or not fits(P .. 'queues', 'set') then
    return "the queue's key has the wrong type"
  end
  return check_limit(job)
end

local function keep(job)
  local ttl = tonumber(job.ttl)
  for _, key in ipairs({ job.key, job.key .. ':dependents', P .. 'job::' .. job.id .. ':dependencies' }) do
    if ttl and ttl >= 1 then
      redis.call('EXPIRE', key, math.floor(ttl))
    else
      redis.call('PERSIST', key)
    end
  end
end

local function enqueue_limited(job)
  local limit, concurrency = limit_keys(job.rate_limit_key), tonumber(job.rate_limit_concurrency)
  redis.call('SADD', P .. 'rl-keys', job.rate_limit_key)
  redis.call('HSET', limit.config, 'concurrency', job.rate_limit_concurrency)
  redis.call('HSET', job.key, 'status', 'rate_limited', 'enqueue_at_front', '0')
  redis.call('ZADD', limit.waiting, seconds(), job.id)
  promote(limit, concurrency)
end

local function apply(job)
  redis.call('ZREM', P .. 'failed:' .. job.origin, job.id)
  redis.call('HSET', job.key, 'started_at', '', 'ended_at', '')
  redis.call('HDEL', job.key, 'exc_info', spec.progress)
  local attempts = tonumber(job[spec.attempts])
  if attempts and attempts >= 1 then
    redis.call('HSET', job.key, spec.attempt, 0, 'retries_left', math.floor(attempts) - 1)
  end
  keep(job)
  redis.call('SADD', P .. 'queues', P .. 'queue:' .. job.origin)
  if limited(job) then
    enqueue_limited(job)
    return
  end
  redis.call('HSET', job.key, 'status', 'queued', 'enqueued_at', NOW)
  redis.call('RPUSH', P .. 'queue:' .. job.origin, job.id)
end
