-- Cancels jobs that wait; a job that a worker takes at the same moment runs.
-- requires: operation, canceling, take_out

local some_have_dependents = in_chunk({ keys.dependents })

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
  local reason = check_status(job)
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
  if some_have_dependents() and (reply_of('SCARD', keys.dependents(job.id)) or 0) > 0 then
    return nil, 'canceled, though other jobs wait for it and will not run'
  end
end

local function take(queue, id)
  return take_out(queue, id, END)
end

local function apply(job)
  if not cancel_job(job, take) then
    return 'a worker has just taken it'
  end
  if job.rate_limit_key ~= '' then
    lists_moved() -- a job that its limit lets through may be at the head of its queue now
  end
end

local result = each(check, apply)
sweep()
return result
