-- Started jobs that may have lost their worker, and the end of their executions (rq.executions.Execution.delete): a worker of
-- ours that is alive after all then finds that the job is no longer its own.
-- requires: operation

for _, name in ipairs({ 'worker_name', keys.FIELD_ATTEMPT }) do
  FIELDS[#FIELDS + 1] = name
end

local places = {}

-- a queue's registry of running jobs: problem, if it has the wrong type; entries: {member, score} of each job by id
local function running_in(name)
  local found = places[name]
  if found then
    return found
  end
  found = { key = keys.registry(statuses.registry.started, name), entries = {} }
  if fits(found.key, 'zset') then
    local all = redis.call('ZREVRANGE', found.key, 0, -1, 'WITHSCORES')
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
  for _, entry in ipairs(running_in(job.origin).entries[job.id] or {}) do
    if entry[2] > SECONDS then
      return false
    end
  end
  local worker = keys.worker(job.worker_name)
  return job.worker_name == '' or redis.call('EXISTS', worker) == 0 or (reply_of('HGET', worker, 'death') or '') ~= ''
end

-- Why a job is skipped. A job whose worker may still be alive is only taken where it was chosen by itself, and with a note.
local function check_lost(job)
  local reason = misfit(job)
  if reason then
    return reason
  end
  if not statuses.runs[job.status] then
    return chosen_status ~= '' and 'no longer started' or 'it does not run'
  end
  reason = running_in(job.origin).problem
  if reason or not fits(keys.executions(job.id), 'zset') then
    return reason or "the job's executions cannot be read"
  end
  if not abandoned(job) then
    if chosen_queue ~= '' then
      return 'its worker may still be alive: choose it by itself'
    end
    return nil, spec.risk
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

local function drop_executions(job)
  local place = running_in(job.origin)
  for _, entry in ipairs(place.entries[job.id] or {}) do
    redis.call('ZREM', place.key, entry[1])
    drop_execution(job, string.match(entry[1], '[^:]*$'))
  end
  for _, execution in ipairs(redis.call('ZREVRANGE', keys.executions(job.id), 0, -1)) do
    drop_execution(job, execution)
  end
  redis.call('UNLINK', keys.executions(job.id))
end
