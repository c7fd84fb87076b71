-- Cancels jobs that wait; a job that a worker takes at the same moment runs.
-- requires: operation, canceling

local function check_status(job)
  if chosen_status ~= '' and job.status ~= chosen_status then
    return 'no longer ' .. said(chosen_status)
  end
  if statuses.runs[job.status] then
    return 'running: stop it instead'
  end
  if not spec.allowed[job.status] then
    return 'it does not wait: ' .. (known(job.status) and said(job.status) or 'unknown status')
  end
end

local function check(job)
  local reason = misfit(job) or check_status(job)
  if reason then
    return reason
  end
  local place, kind = waits_in(job)
  if not fits(place, kind) or not fits(keys.registry(statuses.registry.canceled, job.origin), 'zset') then
    return "the queue's key has the wrong type"
  end
  if kind == 'zset' and not redis.call('ZSCORE', place, job.id) then
    return 'no longer ' .. said(job.status)
  end
  if (reply_of('SCARD', keys.dependents(job.id)) or 0) > 0 then
    return nil, 'canceled, though other jobs wait for it and will not run'
  end
end

local function apply(job)
  if not cancel_job(job, END) then
    return 'a worker has just taken it'
  end
end

return each(check, apply)
