-- Keeps only the newest of the jobs that have ended.
-- requires: reply_of, time

local MOST_TRIMMED = 50
local MOST_LOOKED = 4 * MOST_TRIMMED

-- Removes the jobs that ended first until `keep` are left in a queue's registry of that kind. The registry is ordered by
-- when jobs expire, so the order in which they ended is kept beside it; what ended elsewhere counts as older.
local function keep_newest(kind, queue, id, keep)
  local function forget(registry, old)
    redis.call('ZREM', registry, old)
    if not statuses.outcome[reply_of('HGET', keys.job(old), 'status') or ''] then
      return
    end
    redis.call('UNLINK', keys.job(old), keys.dependents(old), keys.dependencies(old), keys.results(old), keys.executions(old),
      keys.log(old))
  end

  -- The jobs that ended elsewhere, as in a stock worker: they are only in the registry, in the order in which they expire.
  local function ended_elsewhere(registry, ends)
    local found = {}
    if redis.call('ZCARD', ends) < redis.call('ZCARD', registry) then
      for _, one in ipairs(redis.call('ZRANGE', registry, 0, MOST_LOOKED - 1)) do
        if not redis.call('ZSCORE', ends, one) then
          found[#found + 1] = one
        end
      end
    end
    return found
  end

  local registry, ends = keys.registry(kind, queue), keys.ends(kind, queue)
  redis.call('ZADD', ends, string.format('%.6f', SECONDS + MICROS / 1000000), id)
  redis.call('EXPIRE', ends, 40 * 86400)
  local kept = redis.call('ZCOUNT', registry, SECONDS, '+inf') + redis.call('ZCOUNT', registry, '-inf', '(0')
  if redis.call('ZCARD', ends) > kept then
    -- entries whose job has expired or was removed are removed too: each call adds one entry and checks three
    for _, one in ipairs(redis.call('ZRANDMEMBER', ends, 3)) do
      if not redis.call('ZSCORE', registry, one) then
        redis.call('ZREM', ends, one)
      end
    end
  end
  local surplus = math.min(kept - keep, MOST_TRIMMED)
  local elsewhere = surplus > 0 and ended_elsewhere(registry, ends) or {}
  local looked = 0
  while surplus > 0 and looked < MOST_LOOKED do
    looked = looked + 1
    local oldest = elsewhere[looked] or redis.call('ZPOPMIN', ends)[1]
    if not oldest then
      return
    end
    local expires = tonumber(redis.call('ZSCORE', registry, oldest))
    if expires then
      forget(registry, oldest)
    end
    -- what has expired already was not counted
    if expires and (expires < 0 or expires >= SECONDS) then
      surplus = surplus - 1
    end
  end
end
