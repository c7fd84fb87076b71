-- Cancels a job that waits, as rq.job.Job.cancel does. What depends on it stays deferred.
-- A job is a table here: its id, status, origin and rate_limit_key ('' where its hash has none).
-- requires: leave

-- the key in which a job waits, and its type; nil where a job of its status does not wait
local function waits_in(job)
  local place = statuses.waits[job.status] and statuses.place[job.status]
  if place == 'queue' then
    return keys.queue(job.origin), 'list'
  elseif place == 'limit' then
    return keys.rate_limited(job.rate_limit_key), 'zset'
  elseif place then
    return keys.registry(statuses.registry[job.status], job.origin), 'zset'
  end
end

-- whether the job was in the place that its status names, and is canceled now; take(queue, id) removes an id from a queue's list
-- and returns nil or false where it was not there
local function cancel_job(job, take)
  local place, kind = waits_in(job)
  local dropped
  if kind == 'list' then
    dropped = take(job.origin, job.id)
  else
    dropped = place and redis.call('ZREM', place, job.id) == 1
  end
  if not dropped then
    return false
  end
  redis.call('HSET', keys.job(job.id), 'status', 'canceled')
  redis.call('ZADD', keys.registry(statuses.registry.canceled, job.origin), SECONDS, job.id)
  if job.rate_limit_key ~= '' then
    leave_limit(job.rate_limit_key, job.id)
  end
  return true
end
