-- Removes jobs from a queue's list, and from RQ's concurrency limits (rq.rate_limit).
-- requires: reply_of, time, types

-- whether the job was in the list; `from` is 1 to look from its head on, -1 from its tail
local function drop_from_queue(queue, id, from)
  return (reply_of('LREM', keys.queue(queue), from, id) or 0) > 0
end

local function limit_fits(limit)
  return fits(keys.rate_limit(limit), 'hash') and fits(keys.rate_limit_allowed(limit), 'zset')
    and fits(keys.rate_limited(limit), 'zset') and fits(keys.RATE_LIMIT_KEYS, 'set')
end

-- moves jobs that a limit holds back into their queues while the limit has free places
local function promote(limit, concurrency)
  local allowed, now = keys.rate_limit_allowed(limit), timestamp()
  while redis.call('ZCARD', allowed) < concurrency do
    local popped = redis.call('ZPOPMIN', keys.rate_limited(limit))
    if #popped == 0 then
      return
    end
    local id, key = popped[1], keys.job(popped[1])
    local values = reply_of('HMGET', key, 'origin', 'status', 'enqueue_at_front') or {}
    if values[1] and values[2] == 'rate_limited' and fits(keys.queue(values[1]), 'list') then
      redis.call('ZADD', allowed, SECONDS, id)
      redis.call(values[3] == '1' and 'LPUSH' or 'RPUSH', keys.queue(values[1]), id)
      redis.call('HSET', key, 'status', 'queued', 'enqueued_at', now)
    end
  end
end

-- gives back the place of a job that was canceled or removed, unless it still runs
local function leave_limit(limit, id)
  if not limit_fits(limit) then
    return
  end
  redis.call('ZREM', keys.rate_limited(limit), id)
  local running = reply_of('ZCOUNT', keys.executions(id), '(' .. SECONDS, '+inf')
  if running == 0 and redis.call('ZREM', keys.rate_limit_allowed(limit), id) == 1 then
    promote(limit, tonumber(redis.call('HGET', keys.rate_limit(limit), 'concurrency')) or 0)
  end
end
