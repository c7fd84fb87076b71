-- Enqueues the job of one tick of a cron job, unless another leads it or the tick is done; after event.lua and put.lua.
-- KEYS: the cron job, the new job, the list or sorted set that takes its id, RQ's history of the cron job, RQ's cron jobs
-- ARGV: who asks (a token), the tick and the time in seconds, the new job's id, its queue, score or '', the cron job's name,
-- how many ids the history keeps and for how many seconds, what the job calls, then the fields of the new job and their values
-- Returns 'done', 'known' where there is that job already, 'late' where a tick as new was enqueued before, 'lost' where
-- another leads

local token, tick, now, id, queue, score, name, kept, lasts, call = unpack(ARGV, 1, 10)
local time = redis.call('TIME')
local owner, till, last = unpack(redis.call('HMGET', KEYS[1], 'owner', 'until', 'last'))
if owner ~= token or (tonumber(till) or 0) <= time[1] * 1000 + math.floor(time[2] / 1000) then
  return 'lost'
elseif tonumber(tick) <= (tonumber(last) or 0) then
  return 'late'
end
prepare(KEYS[3], score, queue)
redis.call('HSET', KEYS[1], 'last', tick, 'enqueued', now)
if redis.call('EXISTS', KEYS[2]) == 1 then
  return 'known'
end
redis.call('HSET', KEYS[2], unpack(ARGV, 11))
put(KEYS[3], score, 0, { id })
redis.call('ZADD', KEYS[4], now, id)
redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -kept - 1)
redis.call('EXPIRE', KEYS[4], lasts)
redis.call('ZADD', KEYS[5], now, name)
if score == '' then
  queued(queue, 1, id, call)
end
return 'done'
