-- The jobs that wait for a job that has failed: those that may run after a failure are enqueued
-- (rq.queue.Queue.enqueue_dependents, rq.job.Job.dependencies_are_met).
-- requires: reply_of, time, types

local MOST_DEPENDENTS = 1000

-- whether all other jobs for which a job waits have ended as well
local function others_ended(id, parent)
  for _, other in ipairs(reply_of('SMEMBERS', keys.dependencies(id)) or {}) do
    local status = other ~= parent and reply_of('HGET', keys.job(other), 'status')
    if status and status ~= 'finished' and status ~= 'failed' then
      return false
    end
  end
  return true
end

local function registry_of(status, queue)
  return keys.registry(statuses.registry[status], queue)
end

local function waits_fit(queue)
  return fits(keys.queue(queue), 'list') and fits(registry_of('deferred', queue), 'zset')
    and fits(registry_of('ready_to_enqueue', queue), 'zset')
end

-- the jobs that can be enqueued once a job has failed: {id, queue, front, limited}; and how many others can never run
local function freed_by_failure(parent)
  local found, others = {}, 0
  for _, id in ipairs(reply_of('SMEMBERS', keys.dependents(parent)) or {}) do
    local fields = { 'status', 'origin', 'allow_dependency_failures', 'enqueue_at_front', 'rate_limit_key' }
    local values = reply_of('HMGET', keys.job(id), unpack(fields)) or {}
    local deferred, free = values[1] == 'deferred' and values[2], tonumber(values[3]) == 1
    if deferred and free and waits_fit(values[2]) and others_ended(id, parent) then
      found[#found + 1] = { id = id, queue = values[2], front = values[4] == '1', limited = (values[5] or '') ~= '' }
    elseif deferred and not free then
      others = others + 1
    end
  end
  return found, others
end

-- those with a concurrency limit are left for the worker's maintenance, which asks for their place in it
local function enqueue_freed(parent, freed)
  for _, job in ipairs(freed) do
    local key = keys.job(job.id)
    redis.call('SREM', keys.dependents(parent), job.id)
    redis.call('ZREM', registry_of('deferred', job.queue), job.id)
    redis.call('SADD', keys.QUEUES, keys.queue(job.queue))
    if job.limited then
      redis.call('HSET', key, 'status', 'ready_to_enqueue')
      redis.call('ZADD', registry_of('ready_to_enqueue', job.queue), SECONDS, job.id)
    else
      redis.call('HSET', key, 'status', 'queued', 'enqueued_at', timestamp())
      redis.call(job.front and 'LPUSH' or 'RPUSH', keys.queue(job.queue), job.id)
    end
  end
end
