-- Moves waiting jobs into the queue named by spec.parameter. The result is as if they had been enqueued there, and no time
-- changes: queued jobs go to the end of the list, scheduled ones stay due at the same time.
-- requires: operation, take_out

local target = spec.parameter
local queues = keys.QUEUES

-- Seconds: a scheduler that has read an entry enqueues the job in the old queue, even if the entry is moved meanwhile.
local SOON = 5

-- the key in which jobs with the status of this job wait in a queue
local function place(job, name)
  local kind = statuses.registry[job.status]
  return kind and keys.registry(kind, name) or keys.queue(name)
end

local function check_places(job)
  local kind = job.status == 'queued' and 'list' or 'zset'
  for _, name in ipairs({ job.origin, target }) do
    if not fits(place(job, name), kind) then
      return "the queue's key has the wrong type"
    end
  end
  if not fits(queues, 'set') then
    return "the queue's key has the wrong type"
  end
end

local function check_due(job)
  local due = job.status == 'scheduled' and redis.call('ZSCORE', place(job, job.origin), job.id)
  if job.status == 'scheduled' and not due then
    return 'no longer scheduled'
  end
  if due and tonumber(due) < SECONDS + SOON then
    return 'due within seconds: move it once it is queued'
  end
end

local function check(job)
  if chosen_status ~= '' and job.status ~= chosen_status then
    return 'no longer ' .. said(chosen_status)
  end
  if not spec.allowed[job.status] then
    return 'it is not queued or scheduled: ' .. (known(job.status) and said(job.status) or 'unknown status')
  end
  if job.origin == target then
    return 'it is in that queue already'
  end
  return check_places(job) or check_due(job)
end

local function apply(job)
  local from, to = place(job, job.origin), place(job, target)
  if job.status == 'queued' then
    if not take_out(job.origin, job.id, END) then
      return 'a worker has just taken it'
    end
    redis.call('RPUSH', to, job.id)
  else
    redis.call('ZADD', to, redis.call('ZSCORE', from, job.id), job.id)
    redis.call('ZREM', from, job.id)
  end
  redis.call('HSET', job.key, 'origin', target)
  redis.call('SADD', queues, keys.queue(target))
end

local result = each(check, apply)
sweep()
return result
