-- Enqueues a copy of a job with other arguments and the same options, and notes in each of them which the other one is.
-- Returns nil; 'gone' where the job is gone, or why there can be no copy: nothing is written then.
-- requires: put, leave, format
-- arguments: id, new, data, description
-- `new`: the id of the copy. `description`: '' for that of the job.

check_format()
local OPTIONS = {
  'origin', 'description', 'timeout', 'result_ttl', 'failure_ttl', 'ttl', 'retry_intervals', 'retries_left',
  'enqueue_at_front_on_retry', 'repeats_left', 'repeat_intervals', 'success_callback_name', 'success_callback_timeout',
  'failure_callback_name', 'failure_callback_timeout', 'stopped_callback_name', 'stopped_callback_timeout', 'meta',
  'rate_limit_key', 'rate_limit_concurrency', 'webhooks', keys.FIELD_ATTEMPTS,
}
local MOST_COPIES = 20
local old, new = keys.job(args.id), keys.job(args.new)

if not fits(old, 'hash') then
  return "the job's key is not a hash"
elseif redis.call('EXISTS', old) == 0 then
  return 'gone'
end
local job, fields = {}, {}
for at, value in ipairs(redis.call('HMGET', old, unpack(OPTIONS))) do
  if value then
    job[OPTIONS[at]] = value
    fields[#fields + 1] = OPTIONS[at]
    fields[#fields + 1] = value
  end
end
local queue, limit = keys.queue(job.origin or ''), job.rate_limit_key or ''
local concurrency = tonumber(job.rate_limit_concurrency)
if not (fits(queue, 'list') and fits(keys.QUEUES, 'set')) then
  return "the queue's key has the wrong type"
elseif limit ~= '' and not (concurrency and concurrency >= 1 and limit_fits(limit)) then
  return 'its rate limit cannot be read'
end

local now = timestamp()
keep_format()
redis.call('HSET', new, unpack(fields))
redis.call('HSET', new, 'data', args.data, 'status', limit ~= '' and 'rate_limited' or 'queued', 'created_at', now,
  'enqueued_at', limit ~= '' and '' or now, 'started_at', '', 'ended_at', '', 'last_heartbeat', '', 'worker_name', '',
  keys.FIELD_EDITED_FROM, args.id)
if args.description ~= '' then
  redis.call('HSET', new, 'description', args.description)
end
local attempts = tonumber(job[keys.FIELD_ATTEMPTS])
if attempts and attempts >= 2 then
  redis.call('HSET', new, 'retries_left', math.floor(attempts) - 1)
end
local ttl = tonumber(job.ttl)
if ttl and ttl >= 1 then
  redis.call('EXPIRE', new, math.floor(ttl))
end

local copies = {}
for id in string.gmatch(redis.call('HGET', old, keys.FIELD_EDITED_AS) or '', '%S+') do
  copies[#copies + 1] = id
end
copies[#copies + 1] = args.new
redis.call('HSET', old, keys.FIELD_EDITED_AS, table.concat(copies, ' ', math.max(1, #copies - MOST_COPIES + 1)))

redis.call('SADD', keys.QUEUES, queue)
if limit ~= '' then
  redis.call('SADD', keys.RATE_LIMIT_KEYS, limit)
  redis.call('HSET', keys.rate_limit(limit), 'concurrency', job.rate_limit_concurrency)
  redis.call('ZADD', keys.rate_limited(limit), SECONDS, args.new)
  promote(limit, concurrency)
else
  redis.call('RPUSH', queue, args.new)
  queued(job.origin, 1, args.new, redis.call('HGET', new, 'description') or '')
end
