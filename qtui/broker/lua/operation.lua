-- What every operation on jobs shares. An operation adds check(job) and apply(job); `each.lua` runs them.
-- ARGV[1] is JSON: {prefix, log (key prefix), attempt, attempts, progress (field names), kinds (status -> registry),
-- allowed, known (sets of statuses), parameter (the operation's own, where it has one)}. ARGV[2] 'plan' (only look) or 'run'. ARGV[3] the queue and ARGV[4] the status
-- whose list was taken, '' where single jobs were chosen. ARGV from 5 on: ids.
-- check looks at everything that could make apply fail, because a script that fails half way is not undone.

local spec = cjson.decode(ARGV[1])
local mode, chosen_queue, chosen_status = ARGV[2], ARGV[3], ARGV[4]
local P = spec.prefix .. ':'

local FIELDS = {
  'status', 'origin', 'ttl', 'group_id', 'rate_limit_key', 'rate_limit_concurrency', spec.attempts,
}
local TIMES = { 'ended_at', 'enqueued_at', 'created_at' }
for _, name in ipairs(mode == 'plan' and TIMES or {}) do
  FIELDS[#FIELDS + 1] = name
end

-- a job is {id, key, its fields by name ('' where missing), damaged = 'gone' | 'type' | nil}
local function read(id)
  local job = { id = id, key = P .. 'job:' .. id }
  local values = redis.pcall('HMGET', job.key, unpack(FIELDS))
  if values.err then
    job.damaged, values = 'type', {}
  elseif not values[1] and redis.call('EXISTS', job.key) == 0 then
    job.damaged = 'gone'
  end
  for i, name in ipairs(FIELDS) do
    job[name] = values[i] or ''
  end
  return job
end

-- why a job whose hash cannot be read, or that is in another queue than was chosen, is let be; nil where it is neither
local function misfit(job)
  if job.damaged then
    return job.damaged == 'gone' and 'the job is gone' or "the job's key is not a hash"
  end
  if job.origin == '' then
    return 'the job names no queue'
  end
  if chosen_queue ~= '' and job.origin ~= chosen_queue then
    return 'it belongs to another queue'
  end
end

-- a status in the words of people
local function said(status)
  return (string.gsub(status, '_', ' '))
end

local types = {}
local function fits(key, wanted)
  if types[key] == nil then
    types[key] = redis.call('TYPE', key).ok
  end
  return types[key] == wanted or types[key] == 'none'
end

local function seconds()
  local time = redis.call('TIME')
  return tonumber(time[1]), tonumber(time[2])
end

-- the server's time as RQ writes it (rq.utils.utcformat)
local function timestamp()
  local now, micros = seconds()
  local days = math.floor(now / 86400)
  local rest = now - days * 86400
  local z = days + 719468 -- civil date from days since 1970, by 400-year eras that begin in March
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06dZ', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, micros)
end

local NOW = timestamp()

-- RQ's own concurrency limit (rq.rate_limit): the keys of a limit, and filling its free slots
local function limit_keys(name)
  local base = P .. 'rl:' .. name
  return { config = base, allowed = base .. ':allowed', waiting = base .. ':rate_limited' }
end

local function limit_fits(limit)
  return fits(limit.config, 'hash') and fits(limit.allowed, 'zset') and fits(limit.waiting, 'zset')
    and fits(P .. 'rl-keys', 'set')
end

local function promote(limit, concurrency)
  while redis.call('ZCARD', limit.allowed) < concurrency do
    local popped = redis.call('ZPOPMIN', limit.waiting)
    if #popped == 0 then
      return
    end
    local id, key = popped[1], P .. 'job:' .. popped[1]
    local values = redis.pcall('HMGET', key, 'origin', 'status', 'enqueue_at_front')
    if values[1] and values[2] == 'rate_limited' and fits(P .. 'queue:' .. values[1], 'list') then
      redis.call('ZADD', limit.allowed, seconds(), id)
      redis.call(values[3] == '1' and 'LPUSH' or 'RPUSH', P .. 'queue:' .. values[1], id)
      redis.call('HSET', key, 'status', 'queued', 'enqueued_at', NOW)
    end
  end
end
