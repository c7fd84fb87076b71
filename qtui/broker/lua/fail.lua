-- Ends started jobs whose worker is gone as failed, with the error that RQ's own maintenance writes
-- (rq.registry.StartedJobRegistry.cleanup, rq.job_lifecycle.record_job_failure); all in one step with the old execution.
-- Retries that are left are not used: that is what requeue is for. No callback of the job is called.
-- requires: lost_job, dependents, log

for _, name in ipairs({ 'failure_ttl', 'retries_left', 'failure_callback_name', 'webhooks' }) do
  FIELDS[#FIELDS + 1] = name
end

local DEFAULT_TTL = 31536000 -- rq.defaults.DEFAULT_FAILURE_TTL
local NOW = timestamp()

local function check(job)
  local reason, notice = check_lost(job)
  if reason then
    return reason
  end
  if not (fits(keys.registry(statuses.registry.failed, job.origin), 'zset') and fits(keys.results(job.id), 'stream')
    and fits(keys.dependents(job.id), 'set') and fits(keys.QUEUES, 'set')) then
    return "one of the job's keys has the wrong type"
  end
  if redis.call('SCARD', keys.dependents(job.id)) > MOST_DEPENDENTS then
    return 'more than 1,000 jobs wait for it: put it back instead'
  end
  if notice then
    return nil, notice
  end
  local _, others = freed_by_failure(job.id)
  if others > 0 then
    return nil, 'failed, though other jobs wait for it and will not run'
  elseif job.failure_callback_name ~= '' or job.webhooks ~= '' then
    return nil, 'failed, though its failure callback and its webhooks are not called'
  end
end

local function write_result(job, ttl)
  local key = keys.results(job.id)
  redis.call('XADD', key, 'MAXLEN', '~', 10, '*', 'type', '2', 'worker_name', '', 'exc_string', spec.error)
  if ttl == -1 then
    redis.call('PERSIST', key)
  elseif ttl then
    redis.call('EXPIRE', key, ttl)
  end
end

local function apply(job)
  local ttl = tonumber(job.failure_ttl)
  local expires = ttl or DEFAULT_TTL
  drop_executions(job)
  redis.call('HSET', job.key, 'status', 'failed', 'ended_at', NOW)
  write_result(job, ttl)
  fold_log(job.id)
  if expires > 0 then
    for _, key in ipairs({ job.key, keys.dependents(job.id), keys.dependencies(job.id) }) do
      redis.call('EXPIRE', key, expires)
    end
  end
  local failed = keys.registry(statuses.registry.failed, job.origin)
  redis.call('ZADD', failed, expires < 0 and expires or SECONDS + expires, job.id)
  local freed = freed_by_failure(job.id)
  enqueue_freed(job.id, freed)
  if job.rate_limit_key ~= '' then
    leave_limit(job.rate_limit_key, job.id)
  end
end

return each(check, apply)
