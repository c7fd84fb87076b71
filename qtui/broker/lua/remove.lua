-- Removes jobs that do not run, as rq.job.Job.delete does: their entry, hash, results, dependency sets, log, membership of
-- a group and slot in a rate limit. If a job has no readable hash: its entry in the chosen list, or all its entries.
-- requires: operation, registries, take_out, trash, types
-- `spec.trash` is {batch, seconds, about}: how the batch is named, how long the jobs are kept in the trash, and who removed what
-- (JSON); without it they are deleted at once.

-- the registries by status; the registry of running jobs holds executions, not ids
local kinds = {}
for status, kind in pairs(statuses.registry) do
  kinds[status] = not statuses.runs[status] and kind or nil
end

local some_have_rare_parts = in_chunk(RARELY)
local some_have_results = in_chunk({ keys.results })

-- the keys that a job may have
local function possible_parts_of(id)
  if some_have_rare_parts() then
    return parts_of(id)
  end
  return { keys.job(id), some_have_results() and keys.results(id) or nil }
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
  if spec.trash and not fits(keys.TRASH, 'zset') then
    return "the trash's key has the wrong type"
  end
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
  if job.status == 'queued' and not fits(keys.queue(job.origin), 'list') then
    return "the queue's key has the wrong type"
  end
  local waiting = some_have_rare_parts() and reply_of('SCARD', keys.dependents(job.id)) or 0
  if waiting > 0 and statuses.outcome[job.status] ~= 'finished' then
    return nil, 'removed, though other jobs wait for it and will not run'
  end
end

local records = {}
local stood = {} -- places in queues whose neighbours are not written down yet, as these may be removed too

local function note_neighbours()
  for _, place in ipairs(stood) do
    place[4], place[5] = neighbours(place[2], place[3])
  end
  stood = {}
end

local function drop_from_registry(status, name, id, record)
  local score = leave_registry(keys.registry(kinds[status], name), id)
  if score then
    record[#record + 1] = { kinds[status], name, score }
  end
  return score
end

local function drop_from_list(name, id, record)
  local at = take_out(name, id, END)
  if at and spec.trash then
    record[#record + 1] = { 'queue', name, at }
    record.at = at
    stood[#stood + 1] = record[#record]
  end
  return at
end

local function drop(status, name, id, record)
  if status == 'queued' then
    return drop_from_list(name, id, record)
  end
  return drop_from_registry(status, name, id, record)
end

local function drop_everywhere(id, record)
  local found = false
  for _, name in ipairs(queue_names()) do
    for status in pairs(kinds) do
      found = drop_from_registry(status, name, id, record) or found
    end
  end
  for _, name in ipairs(found and {} or queue_names()) do
    drop_from_list(name, id, record)
  end
end

-- why there is nothing to remove; nil where the job has left its places
local function drop_from_places(job, record)
  if not damaged(job) then
    local found = drop(job.status, job.origin, job.id, record)
    return not found and job.status == 'queued' and 'a worker has just taken it' or nil
  elseif chosen_queue ~= '' then
    local found = drop(chosen_status, chosen_queue, job.id, record)
    return not found and job.damaged == 'gone' and 'the job is gone' or nil
  end
  drop_everywhere(job.id, record)
end

local function leave_group(job, record)
  if reply_of('SREM', keys.group(job.group_id), job.id) == 1 then
    record[#record + 1] = { 'group', job.group_id }
  end
end

local function leave_slot(job, record)
  local allowed = keys.rate_limit_allowed(job.rate_limit_key)
  local score = reply_of('ZSCORE', allowed, job.id)
  note_neighbours()
  leave_limit(job.rate_limit_key, job.id)
  lists_moved()
  if score and not reply_of('ZSCORE', allowed, job.id) then
    record[#record + 1] = { 'slot', job.rate_limit_key, score }
  end
end

local function apply(job)
  local record = { job.id, {} }
  local reason = drop_from_places(job, record)
  if reason then
    return reason
  end
  local parts = possible_parts_of(job.id)
  if job.rate_limit_key ~= '' then
    parts[EXECUTIONS] = nil -- a job with a rate limit that still runs keeps its execution, and so its slot
  end
  if spec.trash then
    put_away(parts, record, spec.trash)
    records[#records + 1] = record
  else
    redis.call('UNLINK', unpack(parts))
  end
  if job.group_id ~= '' then
    leave_group(job, record)
  end
  if job.rate_limit_key ~= '' then
    leave_slot(job, record)
  end
end

-- Where a server has no memory left it refuses to write, unless the script has begun with what frees some.
if mode == 'run' then
  redis.call('UNLINK', keys.trash('none'))
end
local result = each_even_damaged(check, apply)
note_neighbours()
sweep()
leave_registries()
if #records > 0 then
  note_trash(records, spec.trash)
end
return result
