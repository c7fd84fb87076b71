-- Puts a job that waits elsewhere at the head of its queue; one with a concurrency limit of RQ's goes to the head of those that
-- wait for it, and into the queue where that has a free place.
-- requires: operation

local heads = {} -- by queue: the ids that go to its head, the first one first

-- Puts them there; has to be called once, at the end.
local function fill_heads()
  for key, ids in pairs(heads) do
    redis.call('LPUSH', key, unpack(ids))
  end
  heads = {}
end

-- why a job cannot be put there: one of the keys has the wrong type
local function hindrance(job)
  if not fits(keys.queue(job.origin), 'list') or not fits(keys.QUEUES, 'set') then
    return "the queue's key has the wrong type"
  end
  if job.rate_limit_key ~= '' then
    local concurrency = tonumber(job.rate_limit_concurrency)
    if not concurrency or concurrency < 1 or not limit_fits(job.rate_limit_key) then
      return 'its rate limit cannot be read'
    end
  end
end

local function first_of_limit(job)
  local limit = job.rate_limit_key
  local waiting = keys.rate_limited(limit)
  local first = tonumber(redis.call('ZREVRANGE', waiting, -1, -1, 'WITHSCORES')[2]) or SECONDS
  redis.call('SADD', keys.RATE_LIMIT_KEYS, limit)
  redis.call('HSET', keys.rate_limit(limit), 'concurrency', job.rate_limit_concurrency)
  redis.call('HSET', job.key, 'status', 'rate_limited', 'enqueue_at_front', '1')
  redis.call('ZADD', waiting, math.min(first - 1, SECONDS), job.id)
  fill_heads() -- so that it comes before them, if it is let through
  promote(limit, tonumber(job.rate_limit_concurrency))
end

-- `enqueued_at`: as RQ writes times; where it is not given, that of the job stays
local function to_head(job, enqueued_at)
  local key = keys.queue(job.origin)
  redis.call('SADD', keys.QUEUES, key)
  if job.rate_limit_key ~= '' then
    first_of_limit(job)
    return
  end
  redis.call('HSET', job.key, 'status', 'queued')
  if enqueued_at then
    redis.call('HSET', job.key, 'enqueued_at', enqueued_at)
  end
  heads[key] = heads[key] or {}
  table.insert(heads[key], job.id)
end
