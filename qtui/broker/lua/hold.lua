-- Puts queued jobs into hold: into the registry of deferred jobs, in their order, with the hold that spec.parameter names in
-- their record. No time of a job changes.
-- requires: operation, take_out

local STEP = 0.000004 -- seconds between two scores: more than the rounding of such a number
local mark = reply_of('HGET', keys.HOLDS, spec.parameter)
local score = keys.HELD_FROM + SECONDS + MICROS / 1000000

local function check(job)
  if job.status ~= 'queued' then
    return 'no longer queued'
  elseif mode == 'run' and not mark then
    return 'the hold was released meanwhile'
  end
  local deferred = keys.registry(statuses.registry.deferred, job.origin)
  if not fits(keys.queue(job.origin), 'list') or not fits(deferred, 'zset') then
    return "the queue's key has the wrong type"
  end
end

local function apply(job)
  if not take_out(job.origin, job.id, END) then
    return 'a worker has just taken it'
  end
  score = score + STEP
  redis.call('ZADD', keys.registry(statuses.registry.deferred, job.origin), string.format('%.6f', score), job.id)
  redis.call('HSET', job.key, 'status', 'deferred', keys.FIELD_HELD, mark)
  if job.rate_limit_key ~= '' then
    leave_limit(job.rate_limit_key, job.id)
    lists_moved()
  end
end

local result = each(check, apply)
sweep()
return result
