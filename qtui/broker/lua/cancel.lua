-- Calls off jobs that wait, as rq.job.Job.cancel does, but all in one step: a job that a worker takes at the same moment
-- runs. What depends on them stays deferred.

-- the key of the sorted set that a job waits in, nil where it waits in a queue
local function registry(job)
  if job.status == 'rate_limited' then
    return limit_keys(job.rate_limit_key).waiting
  end
  local kind = spec.kinds[job.status]
  return kind and P .. kind .. ':' .. job.origin
end

local function canceled(job)
  return P .. 'canceled:' .. job.origin
end

local function check_status(job)
  if chosen_status ~= '' and job.status ~= chosen_status then
    return 'no longer ' .. said(chosen_status)
  end
  if job.status == 'started' then
    return 'running: stop it instead'
  end
  if not spec.allowed[job.status] then
    return 'it does not wait: ' .. (spec.known[job.status] and said(job.status) or 'unknown status')
  end
end

local function check(job)
  local reason = misfit(job) or check_status(job)
  if reason then
    return reason
  end
  local waits_in = registry(job)
  if not fits(waits_in or P .. 'queue:' .. job.origin, waits_in and 'zset' or 'list') or not fits(canceled(job), 'zset') then
    return "the queue's key has the wrong type"
  end
  if waits_in and not redis.call('ZSCORE', waits_in, job.id) then
    return 'no longer ' .. said(job.status)
  end
  local waiting = redis.pcall('SCARD', job.key .. ':dependents')
  if type(waiting) == 'number' and waiting > 0 then
    return nil, 'canceled, though other jobs wait for it and will not run'
  end
end

local function apply(job)
  local waits_in = registry(job)
  if waits_in then
    redis.call('ZREM', waits_in, job.id)
  elseif not drop_from_queue(job.origin, job.id) then
    return 'a worker has just taken it'
  end
  redis.call('HSET', job.key, 'status', 'canceled')
  redis.call('ZADD', canceled(job), seconds(), job.id)
  if job.rate_limit_key ~= '' then
    leave_limit(job)
  end
end
