-- Spreads failed jobs over some time, as scheduled jobs, with all attempts again where our producer has stored their number.
-- What they were before goes into their record, so that those that are not due yet can be taken back.
-- `spec` has also: over (seconds), number (of all jobs), at (when the first is due, the same for all chunks), batch.
-- `place`: how many jobs come before these.
-- requires: operation, expiry
-- arguments: place

FIELDS[#FIELDS + 1] = keys.FIELD_ATTEMPT
FIELDS[#FIELDS + 1] = 'retries_left'
local step = tonumber(spec.over) / tonumber(spec.number)
local place = tonumber(args.place)

local function check(job)
  if not statuses.failed[job.status] then
    return 'no longer failed'
  end
  local failed = keys.registry(statuses.registry.failed, job.origin)
  if not fits(failed, 'zset') or not redis.call('ZSCORE', failed, job.id) then
    return 'no longer failed'
  elseif not fits(keys.registry(statuses.registry.scheduled, job.origin), 'zset') or not fits(keys.QUEUES, 'set') then
    return "the queue's key has the wrong type"
  end
end

local function apply(job)
  local failed = keys.registry(statuses.registry.failed, job.origin)
  local ttl = redis.call('TTL', job.key)
  local before = {
    batch = spec.batch, status = job.status, score = redis.call('ZSCORE', failed, job.id),
    attempt = job[keys.FIELD_ATTEMPT], left = job.retries_left,
    expires = ttl > 0 and SECONDS + ttl or nil,
  }
  redis.call('ZREM', failed, job.id)
  redis.call('HSET', job.key, 'status', 'scheduled', keys.FIELD_BATCH, cjson.encode(before))
  local attempts = tonumber(job[keys.FIELD_ATTEMPTS])
  if attempts and attempts >= 1 then
    redis.call('HSET', job.key, keys.FIELD_ATTEMPT, 0, 'retries_left', math.floor(attempts) - 1)
  end
  keep(job)
  redis.call('SADD', keys.QUEUES, keys.queue(job.origin))
  local due = tonumber(spec.at) + math.floor(place * step)
  redis.call('ZADD', keys.registry(statuses.registry.scheduled, job.origin), due, job.id)
  place = place + 1
end

return each(check, apply)
