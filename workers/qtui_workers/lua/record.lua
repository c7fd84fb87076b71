-- Writes progress and log lines of a job, unless the job is gone: the keys of a removed job must not be created again.
-- requires: event, log
-- arguments: id, progress, cap, ttl, ended
-- arguments: details, events_cap, job, queue, call, worker, attempt
-- `progress` is JSON or ''; `cap` and `ttl` (seconds) are those of the log stream; `ended` is 1 with
-- the last lines of a job that gets no further attempt; `details`, of an event of progress, are ''
-- for none. Unnamed: level, text and time of each line.

local job, log = keys.job(args.id), keys.log(args.id)
if redis.call('EXISTS', job) == 0 then
  return 0
end
if args.progress ~= '' then
  redis.call('HSET', job, keys.FIELD_PROGRESS, args.progress)
end
if args.details ~= '' then
  event(args.events_cap, 'progress', args.job, args.queue, args.call, args.worker, args.attempt, args.details)
end
for i = FIRST, #ARGV, 3 do
  redis.call('XADD', log, 'MAXLEN', '~', args.cap, '*', 'level', ARGV[i], 'text', ARGV[i + 1], 'at', ARGV[i + 2])
end
redis.call('EXPIRE', log, args.ttl)
if args.ended == '1' then
  fold_log(args.id)
end
return 1
