-- Puts started jobs whose worker is gone back at the head of their queue, and removes the old execution in the same step
-- (rq.executions.Execution.delete): a worker of ours that is alive after all then finds that the job is no longer its own.
-- The lost attempt is not counted.
-- requires: operation, expiry

for _, name in ipairs({ 'worker_name', keys.FIELD_ATTEMPT }) do
  FIELDS[#FIELDS + 1] = name
end

local TWICE = 'it may run twice: its worker may still be alive'
local NOW, places = timestamp(), {}

-- a queue's list and registry of running jobs: problem, if one has the wrong type; entries: {member, score} of each job by id
local function place(name)
  local found = places[name]
  if found then
    return found
  end
  found = { queue = keys.queue(name), running = keys.registry(statuses.registry.started, name), entries = {} }
  if fits(found.queue, 'list') and fits(found.running, 'zset') and fits(keys.QUEUES, 'set') then
    local all = redis.call('ZREVRANGE', found.running, 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      local id = string.match(all[i], '^(.*):[^:]*$') or all[i]
      found.entries[id] = found.entries[id] or {}
      table.insert(found.entries[id], { all[i], tonumber(all[i + 1]) })
    end
  else
    found.problem = "the queue's key has the wrong type"
  end
  places[name] = found
  return found
end

-- whether nobody can still run a job: its entry has expired, and its worker has no record or has said that it ended
local function abandoned(job)
  for _, entry in ipairs(place(job.origin).entries[job.id] or {}) do
    if entry[2] > SECONDS then
      return false
    end
  end
  local worker = keys.worker(job.worker_name)
  return job.worker_name == '' or redis.call('EXISTS', worker) == 0 or (reply_of('HGET', worker, 'death') or '') ~= ''
end

local function check(job)
  local reason = misfit(job)
  if reason then
    return reason
  end
  if not statuses.runs[job.status] then
    return chosen_status ~= '' and 'no longer started' or 'it does not run'
  end
  reason = place(job.origin).problem
  if reason or not fits(keys.executions(job.id), 'zset') then
    return reason or "the job's executions cannot be read"
  end
  if not abandoned(job) then
    if chosen_queue ~= '' then
      return 'its worker may still be alive: put it back by itself'
    end
    return nil, TWICE
  end
end

local function drop_execution(job, execution)
  local key = keys.execution(job.id, execution)
  local worker = reply_of('HGET', key, 'worker_name') or job.worker_name
  redis.call('UNLINK', key)
  if fits(keys.worker_executions(worker), 'set') then
    redis.call('SREM', keys.worker_executions(worker), job.id .. ':' .. execution)
  end
end

local function apply(job)
  local home = place(job.origin)
  for _, entry in ipairs(home.entries[job.id] or {}) do
    redis.call('ZREM', home.running, entry[1])
    drop_execution(job, string.match(entry[1], '[^:]*$'))
  end
  for _, execution in ipairs(redis.call('ZREVRANGE', keys.executions(job.id), 0, -1)) do
    drop_execution(job, execution)
  end
  redis.call('UNLINK', keys.executions(job.id))
  redis.call('HDEL', job.key, keys.FIELD_PROGRESS)
  local begun = tonumber(job[keys.FIELD_ATTEMPT])
  if begun and begun >= 1 then
    redis.call('HSET', job.key, keys.FIELD_ATTEMPT, math.floor(begun) - 1)
  end
  redis.call('HSET', job.key, 'status', 'queued', 'enqueued_at', NOW, 'started_at', '', 'ended_at', '')
  keep(job)
  redis.call('SADD', keys.QUEUES, home.queue)
  redis.call('LPUSH', home.queue, job.id)
end

return each(check, apply)
