-- Started jobs that may have lost their worker, and the end of their executions (rq.executions.Execution.delete): a worker of
-- ours that is alive after all then finds that the job is no longer its own.
-- requires: operation

for _, name in ipairs({ 'worker_name', keys.FIELD_ATTEMPT }) do
  FIELDS[#FIELDS + 1] = name
end

local places = {}

-- a queue's registry of running jobs, and its problem, if it has the wrong type
local function running_in(name)
  local found = places[name]
  if not found then
    found = { key = keys.registry(statuses.registry.started, name) }
    if not fits(found.key, 'zset') then
      found.problem = "the queue's key has the wrong type"
    end
    places[name] = found
  end
  return found
end

-- the entries of a registry of running jobs by the job's id, read once: {member, score} of each
local function all_entries(place)
  if not place.entries then
    place.entries = {}
    local all = redis.call('ZREVRANGE', place.key, 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      local id = string.match(all[i], '^(.*):[^:]*$') or all[i]
      place.entries[id] = place.entries[id] or {}
      table.insert(place.entries[id], { all[i], tonumber(all[i + 1]) })
    end
  end
  return place.entries
end

-- Those of one job. The registry is only gone through where the job's own list of executions names none that is there.
local function own_entries(job)
  if not job.entries then
    local place, found = running_in(job.origin), {}
    local members = { job.id }
    for _, execution in ipairs(redis.call('ZREVRANGE', keys.executions(job.id), 0, -1)) do
      members[#members + 1] = job.id .. ':' .. execution
    end
    for _, member in ipairs(members) do
      local score = redis.call('ZSCORE', place.key, member)
      if score then
        found[#found + 1] = { member, tonumber(score) }
      end
    end
    job.entries = found[1] and found or all_entries(place)[job.id] or {}
  end
  return job.entries
end

-- whether nobody can still run a job: its entry has expired, and its worker has no record or has said that it ended
local function abandoned(job)
  for _, entry in ipairs(own_entries(job)) do
    if entry[2] > SECONDS then
      return false
    end
  end
  local worker = keys.worker(job.worker_name)
  return job.worker_name == '' or redis.call('EXISTS', worker) == 0 or (reply_of('HGET', worker, 'death') or '') ~= ''
end

-- Why a job is skipped. A job whose worker may still be alive is only taken where it was chosen by itself, and with a note.
local function check_lost(job)
  if not statuses.runs[job.status] then
    return chosen_status ~= '' and 'no longer started' or 'it does not run'
  end
  local reason = running_in(job.origin).problem
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
  for _, entry in ipairs(own_entries(job)) do
    redis.call('ZREM', running_in(job.origin).key, entry[1])
    drop_execution(job, string.match(entry[1], '[^:]*$'))
  end
  for _, execution in ipairs(redis.call('ZREVRANGE', keys.executions(job.id), 0, -1)) do
    drop_execution(job, execution)
  end
  redis.call('UNLINK', keys.executions(job.id))
end
