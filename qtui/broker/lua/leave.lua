-- Taking jobs from a queue's list and from RQ's concurrency limit.

local function drop_from_queue(name, id)
  -- A whole list is taken from its head on, chosen jobs are rather among the newest.
  local removed = redis.pcall('LREM', P .. 'queue:' .. name, chosen_queue ~= '' and 1 or -1, id)
  return type(removed) == 'number' and removed > 0
end

local function leave_limit(job)
  local limit = limit_keys(job.rate_limit_key)
  if not limit_fits(limit) then
    return
  end
  redis.call('ZREM', limit.waiting, job.id)
  local running = redis.pcall('ZCOUNT', P .. 'executions:' .. job.id, '(' .. seconds(), '+inf')
  if running == 0 and redis.call('ZREM', limit.allowed, job.id) == 1 then
    promote(limit, tonumber(redis.call('HGET', limit.config, 'concurrency')) or 0)
  end
end
