-- Puts jobs that wait at the head of their queue, as remove of RQ's registry and rq.queue.Queue.enqueue_job(at_front=True) do:
-- called for the newest first, so that they keep their order. Where there are holds, the jobs are let through once.
-- requires: to_head, canceling, expiry, take_out

for _, name in ipairs({ keys.FIELD_HELD, 'allow_dependency_failures' }) do
  FIELDS[#FIELDS + 1] = name
end
local NOW = timestamp()
local holds = redis.call('EXISTS', keys.HOLDS) == 1

-- Of a deferred job that no hold holds: why it has to wait for other jobs; then a note, where those will not finish.
local function dependencies(job)
  local stranded
  for _, id in ipairs(reply_of('SMEMBERS', keys.dependencies(job.id)) or {}) do
    local status = reply_of('HGET', keys.job(id), 'status')
    local outcome = statuses.outcome[status]
    if status and not statuses.ended[status] then
      return 'it waits for other jobs, which have not ended'
    elseif outcome ~= 'finished' and not (outcome and job.allow_dependency_failures == '1') then
      stranded = 'it runs although jobs that it waited for have not finished'
    end
  end
  return nil, stranded
end

local function check(job)
  if chosen_status ~= '' and job.status ~= chosen_status then
    return 'no longer ' .. said(chosen_status)
  elseif not spec.allowed[job.status] then
    return 'it does not wait: ' .. (known(job.status) and said(job.status) or 'unknown status')
  end
  local place, kind = waits_in(job)
  if not fits(place, kind) then
    return "the queue's key has the wrong type"
  elseif kind == 'zset' and not redis.call('ZSCORE', place, job.id) then
    return 'no longer ' .. said(job.status)
  end
  local reason = hindrance(job)
  if reason or job.status ~= 'deferred' or job[keys.FIELD_HELD] ~= '' then
    return reason, job.status == 'deferred' and 'let through its hold, once' or nil
  end
  return dependencies(job)
end

-- a job that waited for others is not enqueued once more when they finish
local function forget_dependencies(job)
  for _, id in ipairs(reply_of('SMEMBERS', keys.dependencies(job.id)) or {}) do
    reply_of('SREM', keys.dependents(id), job.id)
  end
end

local function apply(job)
  local place, kind = waits_in(job)
  if kind == 'list' and not take_out(job.origin, job.id, END) then
    return 'a worker has just taken it'
  elseif kind == 'zset' then
    redis.call('ZREM', place, job.id)
  end
  if job.status == 'deferred' then
    redis.call('HDEL', job.key, keys.FIELD_HELD)
    forget_dependencies(job)
  end
  if holds then
    redis.call('HSET', job.key, keys.FIELD_LET, '1')
  end
  keep(job)
  to_head(job, NOW)
  if job.rate_limit_key ~= '' then
    lists_moved()
  end
end

local result = each(check, apply)
sweep()
fill_heads()
return result
