-- Puts started jobs whose worker is gone back at the head of their queue, and removes the old execution in the same step.
-- The lost attempt is not counted.
-- requires: lost_job, expiry

local NOW = timestamp()

local function check(job)
  local reason, notice = check_lost(job)
  if not reason and not (fits(keys.queue(job.origin), 'list') and fits(keys.QUEUES, 'set')) then
    return "the queue's key has the wrong type"
  end
  return reason, notice
end

local function apply(job)
  drop_executions(job)
  redis.call('HDEL', job.key, keys.FIELD_PROGRESS)
  local begun = tonumber(job[keys.FIELD_ATTEMPT])
  if begun and begun >= 1 then
    redis.call('HSET', job.key, keys.FIELD_ATTEMPT, math.floor(begun) - 1)
  end
  redis.call('HSET', job.key, 'status', 'queued', 'enqueued_at', NOW, 'started_at', '', 'ended_at', '')
  keep(job)
  redis.call('SADD', keys.QUEUES, keys.queue(job.origin))
  redis.call('LPUSH', keys.queue(job.origin), job.id)
end

return each(check, apply)
