-- Cancels a job that has not begun, as rq.job.Job.cancel does; one that is not where its status says is let be.
-- KEYS: the job
-- ARGV: its id, the time in whole seconds
-- Returns its status before, its queue, 1 where it is canceled now (else 0), the name of RQ's limit that it is under;
-- nothing where there is no such job

local id = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local status, queue, limit = unpack(redis.call('HMGET', KEYS[1], 'status', 'origin', 'rate_limit_key'))
status, queue, limit = status or '', queue or '', limit or ''

local places = {
  scheduled = RQ .. ':scheduled:' .. queue,
  deferred = RQ .. ':deferred:' .. queue,
  ready_to_enqueue = RQ .. ':ready:' .. queue,
  rate_limited = RQ .. ':rl:' .. limit .. ':rate_limited',
}
local taken = 0
if status == 'queued' then
  taken = redis.call('LREM', RQ .. ':queue:' .. queue, 1, id)
elseif places[status] then
  taken = redis.call('ZREM', places[status], id)
end
if taken == 0 then
  return { status, queue, 0, limit }
end
redis.call('HSET', KEYS[1], 'status', 'canceled')
redis.call('ZADD', RQ .. ':canceled:' .. queue, ARGV[2], id)
return { status, queue, 1, limit }
