-- Removes jobs that do not run, as rq.job.Job.delete does: their entry, hash, results, dependency sets, log, membership of
-- a group and slot in a rate limit. If a job has no readable hash: its entry in the chosen list, or all its entries.
-- requires: operation

-- the registries by status; the registry of running jobs holds executions, not ids
local kinds = {}
for status, kind in pairs(statuses.registry) do
  kinds[status] = not statuses.runs[status] and kind or nil
end

local function damaged(job)
  return job.damaged or not known(job.status)
end

local function queue_names()
  local names = {}
  for _, key in ipairs(reply_of('SMEMBERS', keys.QUEUES) or {}) do
    names[#names + 1] = string.sub(key, #keys.QUEUE_PREFIX + 1)
  end
  return names
end

-- The lists come last, because searching a long list takes long.
local function listed(id)
  local names = queue_names()
  for _, name in ipairs(names) do
    for _, kind in pairs(kinds) do
      if reply_of('ZSCORE', keys.registry(kind, name), id) then
        return true
      end
    end
  end
  for _, name in ipairs(names) do
    if reply_of('LPOS', keys.queue(name), id) then
      return true
    end
  end
  return false
end

local function expected(job)
  if chosen_status == '' or job.status == chosen_status then
    return true
  end
  return statuses.place[chosen_status] == 'registry' and kinds[chosen_status] == kinds[job.status]
end

local function check(job)
  if damaged(job) then
    local unknown = job.damaged == 'gone' and chosen_queue == '' and not listed(job.id)
    return unknown and 'there is no such job' or nil
  end
  if statuses.runs[job.status] then
    return 'running: stop it first'
  end
  if not expected(job) then
    return 'no longer ' .. chosen_status
  end
  if not spec.allowed[job.status] then
    return 'cannot be removed while ' .. said(job.status)
  end
  if chosen_queue ~= '' and job.origin ~= chosen_queue then
    return 'it belongs to another queue'
  end
  local waiting = reply_of('SCARD', keys.dependents(job.id)) or 0
  if waiting > 0 and statuses.outcome[job.status] ~= 'finished' then
    return nil, 'removed, though other jobs wait for it and will not run'
  end
end

local function drop_from_registry(status, name, id)
  return (reply_of('ZREM', keys.registry(kinds[status], name), id) or 0) > 0
end

local function drop(status, name, id)
  if status == 'queued' then
    return drop_from_queue(name, id, END)
  end
  return drop_from_registry(status, name, id)
end

local function drop_everywhere(id)
  local found = false
  for _, name in ipairs(queue_names()) do
    for status in pairs(kinds) do
      found = drop_from_registry(status, name, id) or found
    end
  end
  for _, name in ipairs(found and {} or queue_names()) do
    drop_from_queue(name, id, END)
  end
end

local function apply(job)
  if not damaged(job) then
    if not drop(job.status, job.origin, job.id) and job.status == 'queued' then
      return 'a worker has just taken it'
    end
  elseif chosen_queue ~= '' then
    drop(chosen_status, chosen_queue, job.id)
  else
    drop_everywhere(job.id)
  end
  local left = { job.key, keys.dependents(job.id), keys.dependencies(job.id), keys.results(job.id), keys.log(job.id) }
  if job.rate_limit_key == '' then -- a job with a rate limit that still runs keeps its execution, and so its slot
    left[#left + 1] = keys.executions(job.id)
  end
  redis.call('UNLINK', unpack(left))
  if job.group_id ~= '' then
    reply_of('SREM', keys.group(job.group_id), job.id)
  end
  if job.rate_limit_key ~= '' then
    leave_limit(job.rate_limit_key, job.id)
  end
end

return each(check, apply)
