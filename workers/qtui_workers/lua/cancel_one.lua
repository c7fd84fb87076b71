-- Cancels a job that has not begun. A job that is not in the place that its status names is not changed.
-- Returns its status before, its queue, 1 where it is canceled now (else 0); nothing where there is no such job.
-- requires: canceling, format
-- arguments: id

check_format()
local values = redis.call('HMGET', keys.job(args.id), 'status', 'origin', 'rate_limit_key')
if redis.call('EXISTS', keys.job(args.id)) == 0 then
  return false
end
local job = { id = args.id, status = values[1] or '', origin = values[2] or '', rate_limit_key = values[3] or '' }
local place, kind = waits_in(job)
if place then -- a key of the wrong type raises here, where nothing is written yet
  redis.call(kind == 'list' and 'LLEN' or 'ZCARD', place)
  redis.call('ZCARD', keys.registry(statuses.registry.canceled, job.origin))
end
local function take(queue, id)
  return drop_from_queue(queue, id, 1)
end
return { job.status, job.origin, cancel_job(job, take) and 1 or 0 }
