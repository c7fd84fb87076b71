-- Enqueues one due job after the caller has read its record; where that failed, puts it among the failed jobs of its queue.
-- Returns 1 where that is done; 0 where the job is gone, or another scheduler has the queue's lock.
-- requires: scheduled
-- arguments: scheduler, queue, id, iso, traceback, kept
-- `traceback`: why the record cannot be read, as RQ stores it; '' where it can. `kept`: seconds that a failed job is kept.

local id, key, failed = args.id, keys.job(args.id), keys.registry(statuses.registry.failed, args.queue)

-- rq.registry.FailedJobRegistry.add and rq.results.Result.save
local function fail()
  if fits(key, 'hash') then
    redis.call('HSET', key, 'status', 'failed', 'ended_at', args.iso, 'origin', args.queue)
  end
  if fits(failed, 'zset') then
    redis.call('ZADD', failed, SECONDS + args.kept, id)
  end
  local results = keys.results(id)
  if fits(results, 'stream') then
    redis.call('XADD', results, 'MAXLEN', '~', 10, '*', 'type', '2', 'worker_name', '', 'exc_string', args.traceback)
    redis.call('EXPIRE', results, args.kept)
  end
end

if redis.call('GET', keys.scheduler_lock(args.queue)) ~= args.scheduler then
  return 0
end
local record = read_record(id)
if record and args.traceback == '' and hindrance(args.queue, record) then
  return 0
elseif not take_from_registry(args.queue, id) or not record then
  return 0
elseif args.traceback ~= '' then
  fail()
else
  enqueue(args.queue, id, record)
end
return 1
