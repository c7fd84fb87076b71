-- Puts held jobs back at the head of their queue: called for the newest first, so that they keep their order. Only those that
-- the hold named by spec.parameter holds, and only where nobody has placed it again.
-- requires: to_head

FIELDS[#FIELDS + 1] = keys.FIELD_HELD
local again = reply_of('HGET', keys.HOLDS, spec.parameter)

local function is_held(job)
  local fine, held = pcall(cjson.decode, job[keys.FIELD_HELD])
  return job.status == 'deferred' and fine and type(held) == 'table' and held.hold == spec.parameter
end

local function check(job)
  if not is_held(job) then
    return 'no longer held'
  elseif mode == 'run' and again then
    return 'it is held again'
  end
  local deferred = keys.registry(statuses.registry.deferred, job.origin)
  if not fits(deferred, 'zset') or not redis.call('ZSCORE', deferred, job.id) then
    return 'no longer held'
  end
  return hindrance(job)
end

local function apply(job)
  redis.call('ZREM', keys.registry(statuses.registry.deferred, job.origin), job.id)
  redis.call('HDEL', job.key, keys.FIELD_HELD)
  to_head(job)
end

local result = each(check, apply)
fill_heads()
return result
