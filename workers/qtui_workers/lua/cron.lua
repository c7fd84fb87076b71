-- Enqueues the job of one tick of a cron job, unless another process leads the cron job, or the tick was enqueued before.
-- Returns 'done', 'known' where that job exists already, 'late' where this tick or a later one was enqueued before, 'lost'
-- where another process leads the cron job.
-- requires: put
-- arguments: token, name, tick, now, id, place, queue, score, kept, lasts, call
-- `token`: the calling process. `tick`, `now`: in seconds. `score`: '' where the place is a list. RQ's history of the cron job
-- keeps `kept` ids for `lasts` seconds. Unnamed: the fields of the new job and their values.

local cron, job, history = keys.cron(args.name), keys.job(args.id), keys.cron_job_history(args.name)
local time = redis.call('TIME')
local owner, till, last = unpack(redis.call('HMGET', cron, 'owner', 'until', 'last'))
if owner ~= args.token or (tonumber(till) or 0) <= time[1] * 1000 + math.floor(time[2] / 1000) then
  return 'lost'
elseif tonumber(args.tick) <= (tonumber(last) or 0) then
  return 'late'
end
prepare(args.place, args.score, args.queue)
redis.call('HSET', cron, 'last', args.tick, 'enqueued', args.now)
if redis.call('EXISTS', job) == 1 then
  return 'known'
end
redis.call('HSET', job, unpack(ARGV, FIRST))
put(args.place, args.score, 0, { args.id })
redis.call('ZADD', history, args.now, args.id)
redis.call('ZREMRANGEBYRANK', history, 0, -args.kept - 1)
redis.call('EXPIRE', history, args.lasts)
redis.call('ZADD', keys.CRON_JOBS, args.now, args.name)
if args.score == '' then
  queued(args.queue, 1, args.id, args.call)
end
return 'done'
