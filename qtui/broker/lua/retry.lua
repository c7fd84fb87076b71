-- Puts failed jobs back into their queue, as rq.registry.FailedJobRegistry.requeue does, but all in one
-- step, without the expiry of the failed job, and with all attempts again if our producer has stored their number.
-- requires: operation, registries, expiry

local function limited(job)
  return job.rate_limit_key ~= ''
end

local function check_limit(job)
  if not limited(job) then
    return nil
  end
  local concurrency = tonumber(job.rate_limit_concurrency)
  if not concurrency or concurrency < 1 or not limit_fits(job.rate_limit_key) then
    return 'its rate limit cannot be read'
  end
end

local NOW, places = timestamp(), {}

-- the keys of a queue that a retry changes, checked once per queue; problem: one of them has the wrong type
local function place(name)
  local found = places[name]
  if not found then
    found = { queue = keys.queue(name), failed = keys.registry(statuses.registry.failed, name), waiting = {} }
    if not fits(found.queue, 'list') or not fits(keys.QUEUES, 'set') then
      found.problem = "the queue's key has the wrong type"
    elseif not fits(found.failed, 'zset') then
      found.problem = 'no longer failed'
    end
    places[name] = found
  end
  return found
end

local function check(job)
  if not statuses.failed[job.status] or (chosen_status == 'stopped' and job.status ~= 'stopped') then
    return 'no longer ' .. (chosen_status ~= '' and chosen_status or 'failed')
  end
  local home = place(job.origin)
  if home.problem then
    return home.problem
  end
  if not score_in(home.failed, job.id) then
    return 'no longer failed'
  end
  return check_limit(job)
end

local function add_to_queues(home)
  if not home.added then
    redis.call('SADD', keys.QUEUES, home.queue)
    home.added = true
  end
end

-- Gives a job these fields, and all its attempts again.
local function renew(job, ...)
  local attempts = tonumber(job[keys.FIELD_ATTEMPTS])
  if attempts and attempts >= 1 then
    redis.call('HSET', job.key, keys.FIELD_ATTEMPT, 0, 'retries_left', math.floor(attempts) - 1, ...)
  else
    redis.call('HSET', job.key, ...)
  end
end

local function enqueue(job)
  renew(job, 'status', 'queued', 'enqueued_at', NOW, 'started_at', '', 'ended_at', '')
  local waiting = place(job.origin).waiting
  waiting[#waiting + 1] = job.id
end

local function enqueue_limited(job)
  local limit = job.rate_limit_key
  redis.call('SADD', keys.RATE_LIMIT_KEYS, limit)
  redis.call('HSET', keys.rate_limit(limit), 'concurrency', job.rate_limit_concurrency)
  renew(job, 'status', 'rate_limited', 'enqueue_at_front', '0', 'started_at', '', 'ended_at', '')
  redis.call('ZADD', keys.rate_limited(limit), SECONDS, job.id)
  promote(limit, tonumber(job.rate_limit_concurrency))
end

local function apply(job)
  leave_registry(place(job.origin).failed, job.id)
  redis.call('HDEL', job.key, 'exc_info', keys.FIELD_PROGRESS, keys.FIELD_REFUSED)
  keep(job)
  add_to_queues(place(job.origin))
  if limited(job) then
    enqueue_limited(job)
  else
    enqueue(job)
  end
end

local result = each(check, apply)
leave_registries()
for _, found in pairs(places) do
  if #found.waiting > 0 then
    redis.call('RPUSH', found.queue, unpack(found.waiting))
  end
end
return result
