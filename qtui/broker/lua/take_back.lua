-- Takes jobs back that a careful retry has scheduled (spread.lua) and that are not due yet: they are failed again, as before.
-- requires: operation

for _, name in ipairs({ keys.FIELD_BATCH, 'retries_left' }) do
  FIELDS[#FIELDS + 1] = name
end

-- what the job was before; nil where it is not of this batch
local function before(job)
  local fine, found = pcall(cjson.decode, job[keys.FIELD_BATCH])
  if fine and type(found) == 'table' and found.batch == spec.parameter and tonumber(found.score) then
    return found
  end
end

local function check(job)
  local scheduled = keys.registry(statuses.registry.scheduled, job.origin)
  if job.status ~= 'scheduled' or not before(job) then
    return 'no longer scheduled by this retry'
  elseif not fits(scheduled, 'zset') or not fits(keys.registry(statuses.registry.failed, job.origin), 'zset') then
    return "the queue's key has the wrong type"
  elseif not redis.call('ZSCORE', scheduled, job.id) then
    return 'no longer scheduled by this retry'
  end
end

local function restore(job, name, value)
  if value and value ~= '' then
    redis.call('HSET', job.key, name, value)
  else
    redis.call('HDEL', job.key, name)
  end
end

local function apply(job)
  local found = before(job)
  redis.call('ZREM', keys.registry(statuses.registry.scheduled, job.origin), job.id)
  redis.call('HSET', job.key, 'status', statuses.failed[found.status] and found.status or 'failed')
  redis.call('HDEL', job.key, keys.FIELD_BATCH)
  restore(job, keys.FIELD_ATTEMPT, found.attempt)
  restore(job, 'retries_left', found.left)
  local expires = tonumber(found.expires)
  if expires then
    for _, key in ipairs({ job.key, keys.dependents(job.id), keys.dependencies(job.id) }) do
      redis.call('EXPIRE', key, math.max(1, math.floor(expires - SECONDS)))
    end
  end
  redis.call('ZADD', keys.registry(statuses.registry.failed, job.origin), found.score, job.id)
end

return each(check, apply)
