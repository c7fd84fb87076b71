-- Enqueues the job of one tick of a cron job, unless another process leads the cron job, the tick was enqueued before, or the
-- job of the tick before still waits.
-- Returns 'done', 'known' where that job exists already, 'waits' where that of the tick before still waits, 'late' where this
-- tick or a later one was enqueued before, 'lost' where another process leads the cron job.
-- requires: put, canceling, unique
-- arguments: token, name, tick, now, id, place, queue, score, kept, lasts, call, every_tick, content
-- `token`: the calling process. `tick`, `now`: in seconds. `score`: '' where the place is a list. RQ's history of the cron job
-- keeps `kept` ids for `lasts` seconds. `every_tick`: 1 where a tick does not wait for the job of the tick before.
-- `content`: its digest, where jobs of the same content are not enqueued while one of them has not ended, else ''.
-- Unnamed: the fields of the new job and their values.

local MOST_SEARCHED = 10000

local cron, job, history = keys.cron(args.name), keys.job(args.id), keys.cron_job_history(args.name)
local time = redis.call('TIME')
local owner, till, last, newest = unpack(redis.call('HMGET', cron, 'owner', 'until', 'last', 'job'))

-- Whether a job waits: for a worker, or for its next attempt. Its status alone does not say so: its entry may have been removed.
-- In a long list only the end is searched, where the job is if the queue moves at all.
local function waits(id)
  if not fits(keys.job(id), 'hash') then
    return false
  end
  local status, origin, limit = unpack(redis.call('HMGET', keys.job(id), 'status', 'origin', 'rate_limit_key'))
  local place, kind = waits_in({ status = status or '', origin = origin or '', rate_limit_key = limit or '' })
  if not place or not fits(place, kind) then
    return false
  elseif kind == 'zset' then
    return redis.call('ZSCORE', place, id)
  end
  return redis.call('LPOS', place, id, 'RANK', -1, 'MAXLEN', MOST_SEARCHED) or redis.call('LLEN', place) > MOST_SEARCHED
end

if owner ~= args.token or (tonumber(till) or 0) <= time[1] * 1000 + math.floor(time[2] / 1000) then
  return 'lost'
elseif tonumber(args.tick) <= (tonumber(last) or 0) then
  return 'late'
end
if args.every_tick ~= '1' and newest and waits(newest) or args.content ~= '' and open_job(args.name, args.content) then
  redis.call('HSET', cron, 'last', args.tick)
  return 'waits'
end
prepare(args.place, args.score, args.queue)
redis.call('HSET', cron, 'last', args.tick, 'enqueued', args.now, 'job', args.id)
if redis.call('EXISTS', job) == 1 then
  return 'known'
end
redis.call('HSET', job, unpack(ARGV, FIRST))
if args.content ~= '' then
  note_content(args.name, args.content, args.id)
end
put(args.place, args.score, 0, { args.id })
redis.call('ZADD', history, args.now, args.id)
redis.call('ZREMRANGEBYRANK', history, 0, -args.kept - 1)
redis.call('EXPIRE', history, args.lasts)
redis.call('ZADD', keys.CRON_JOBS, args.now, args.name)
if args.score == '' then
  queued(args.queue, 1, args.id, args.call)
end
return 'done'
