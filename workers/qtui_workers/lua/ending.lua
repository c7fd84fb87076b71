-- How a job ends: rq.worker.base.BaseWorker.handle_job_success and handle_job_failure.
-- requires: event, limit, lease, retention, leave, log
-- arguments: kind, id, queue, execution, begun, started_iso, ended_iso, ended, took
-- arguments: payload, result_ttl, default_ttl, delay, front, keep, error, seen, forced, limit, since
-- arguments: refused_since, refused_times, peak, cpu, hold, hold_score
-- `kind` is one of `qtui_workers.engine.ending.Kind`; where no job ends, all these are ''. `took` and `delay`: seconds.
-- `front`, `forced`: 1 or 0. `since`: µs since the job's own code ended. `refused_since`, `refused_times`: when workers that
-- cannot run the job refused it first (seconds), and how often, this time included. `peak`: bytes of memory, `cpu`: seconds of
-- processor time, '' where not known. `hold`, `hold_score`: of a job that is held. The others are those of `Ending`.

local MOST_EVENTS = '10000' -- a text, as a server may take longer to write a number than to run the command
local OUTCOME = statuses.outcome[args.kind] -- how its last run ended; nil where it runs again, or has not begun
local BEGUN = args.kind ~= 'returned' and args.kind ~= 'refused' and args.kind ~= 'held'
local DELAY, RESULT_TTL = tonumber(args.delay), tonumber(args.result_ttl)

local function write_ending_event(job)
  local details = '{"seconds": ' .. (OUTCOME and args.took or args.delay)
  if args.error ~= '' then
    details = details .. ', "error": ' .. cjson.encode(args.error)
  end
  if args.peak ~= '' then
    details = details .. ', "peak_memory": ' .. args.peak
  end
  if args.cpu ~= '' then
    details = details .. ', "cpu": ' .. args.cpu
  end
  local kind = OUTCOME == 'finished' and 'completed' or OUTCOME or 'retrying'
  event(MOST_EVENTS, kind, args.id, args.queue, job.description, WORKER, job.attempt, details .. '}')
end

-- rq.results.Result.save
local function write_result()
  local key = keys.results(args.id)
  local entry = {
    'type', OUTCOME == 'finished' and '1' or '2', 'worker_name', WORKER, 'execution_id', args.execution,
    'execution_started_at', args.begun, 'execution_ended_at', args.ended,
  }
  if args.payload ~= '' then
    entry[11], entry[12] = OUTCOME == 'finished' and 'return_value' or 'exc_string', args.payload
  end
  if args.cpu ~= '' then
    entry[#entry + 1] = keys.FIELD_USED
    entry[#entry + 1] = (args.peak == '' and '-' or args.peak) .. ' ' .. args.cpu
  end
  reply_of('XADD', key, 'MAXLEN', '~', '10', '*', unpack(entry))
  if RESULT_TTL == -1 then
    reply_of('PERSIST', key)
  elseif RESULT_TTL then
    reply_of('EXPIRE', key, RESULT_TTL)
  end
end

-- rq.job.Job._handle_success, rq.registry.FailedJobRegistry.add and rq.job.Job.cleanup
local function settle(job)
  local expires = RESULT_TTL or tonumber(args.default_ttl)
  if job.has_more then
    fold_log(args.id)
  end
  if expires > 0 then
    reply_of('EXPIRE', job.key, expires)
    if args.forced == '1' then
      reply_of('EXPIRE', keys.dependents(args.id), expires)
    end
    if job.dependencies then
      reply_of('EXPIRE', keys.dependencies(args.id), expires)
    end
  end
  local kind = OUTCOME == 'finished' and statuses.registry.finished or statuses.registry.failed
  local forever = OUTCOME == 'finished' and expires == -1 and '+inf' or expires
  local added = reply_of('ZADD', keys.registry(kind, args.queue), expires < 0 and forever or SECONDS + expires, args.id)
  if added and args.keep ~= '' then
    keep_newest(kind, args.queue, args.id, tonumber(args.keep))
  end
end

local function restore_ttl(key)
  local ttl = tonumber(reply_of('HGET', key, 'ttl'))
  if ttl and ttl > 0 then
    redis.call('EXPIRE', key, ttl)
  end
end

-- rq.job.Job.retry; where the job is rescheduled, its retries stay, and the attempt does not count
local function run_again(job)
  reply_of('HINCRBY', job.key, args.kind == 'rescheduled' and keys.FIELD_ATTEMPT or 'retries_left', -1)
  if DELAY > 0 then
    redis.call('SADD', keys.QUEUES, keys.queue(args.queue))
    reply_of('ZADD', keys.registry(statuses.registry.scheduled, args.queue), SECONDS + DELAY, args.id)
  else
    reply_of('HSET', job.key, 'enqueued_at', ISO)
    reply_of(args.front == '1' and 'LPUSH' or 'RPUSH', keys.queue(args.queue), args.id)
  end
  restore_ttl(job.key)
end

-- A job that has not begun after all: the attempt does not count. A script makes its functions anew at each call: those that
-- few jobs need are made only here.
local function take_back(job)
  -- the record as it was before; `...`: other fields and values
  local function restore(status, ...)
    redis.call('HSET', job.key, 'status', status, 'started_at', '', 'worker_name', '', ...)
    reply_of('HINCRBY', job.key, keys.FIELD_ATTEMPT, -1)
    restore_ttl(job.key)
  end

  -- puts it into a registry, where it needs no place in RQ's limits: it will request one when it leaves that
  local function lay_by(kind, score)
    redis.call('SADD', keys.QUEUES, keys.queue(args.queue))
    reply_of('ZADD', keys.registry(kind, args.queue), score, args.id)
    local limit = redis.call('HGET', job.key, 'rate_limit_key')
    if limit and limit ~= '' then
      leave_limit(limit, args.id)
    end
  end

  local function write_event(kind, details)
    local attempt = (tonumber(job.attempt) or 1) - 1
    event(MOST_EVENTS, kind, args.id, args.queue, job.description, WORKER, attempt, cjson.encode(details))
  end

  if args.kind == 'held' and args.limit ~= '' then
    release(args.limit, args.execution)
  end
  local mark = args.kind == 'held' and reply_of('HGET', keys.HOLDS, args.hold)
  if mark then
    restore('deferred', keys.FIELD_HELD, mark)
    lay_by(statuses.registry.deferred, args.hold_score)
    write_event('held', { hold = args.hold })
  elseif args.kind == 'refused' then -- set aside for a while, so that a worker which can run it may take it
    local why = { since = tonumber(args.refused_since), times = tonumber(args.refused_times), why = args.error }
    restore('scheduled', keys.FIELD_REFUSED, cjson.encode(why))
    lay_by(statuses.registry.scheduled, SECONDS + DELAY)
    write_event('refused', { seconds = DELAY, error = args.error })
  else -- returned, or its hold was released meanwhile
    restore('queued')
    reply_of('LPUSH', keys.queue(args.queue), args.id)
  end
end

-- What there is of the job, before anything is written. `outcome`: why nothing is to be written; `counts`: whether its attempt
-- counts for the worker; `again`: it was enqueued again while it ran, so that its record belongs to another run now; `has_more`:
-- others wait for it, or it has a log.
local function look_at_job()
  if not holds_lease(args.id, args.queue, args.execution, args.seen) then
    return { outcome = 'lost' }
  end
  local has_more = OUTCOME and redis.call('EXISTS', keys.dependents(args.id), keys.log(args.id)) > 0
  if has_more and args.forced ~= '1' and reply_of('SCARD', keys.dependents(args.id)) ~= 0 then
    return { outcome = 'dependents' }
  end
  local key = keys.job(args.id)
  local fields = reply_of('HMGET', key, 'status', 'description', keys.FIELD_ATTEMPT, 'dependency_ids')
  local gone = fields and not fields[1] and redis.call('EXISTS', key) == 0
  fields = fields or {}
  local settled = gone or args.kind == 'settled'
  return {
    key = key, status = fields[1], description = fields[2], attempt = fields[3], dependencies = fields[4],
    gone = gone, settled = settled, counts = BEGUN and not settled, has_more = has_more,
    -- one that was canceled is not rescheduled either
    again = statuses.waits[fields[1]] or (args.kind == 'rescheduled' and fields[1] == 'canceled'),
  }
end

-- Ends a job. Returns 'done'; 'lost' where the lease is not ours, or the job is gone; 'dependents' where other jobs wait for
-- it (nothing is done then, as RQ's own code has to end such a job).
local function end_job(job)
  if args.limit ~= '' and BEGUN then
    started(args.limit, args.execution, now_us() - args.since)
  end
  if job.outcome then
    return job.outcome
  end
  if job.counts and not job.again then
    local status = OUTCOME and args.kind or DELAY > 0 and 'scheduled' or 'queued'
    reply_of('HSET', job.key, 'status', status, 'started_at', args.started_iso, 'ended_at', args.ended_iso,
      'last_heartbeat', args.ended_iso)
  end
  release_lease(args.id, args.queue, args.execution)
  job.released = args.id .. ':' .. args.execution
  if job.settled then
    return job.gone and 'lost' or 'done'
  elseif BEGUN then
    write_ending_event(job)
  elseif not job.again and job.status ~= 'canceled' then
    take_back(job)
  end
  if OUTCOME then
    write_result()
  end
  if BEGUN and not job.again then
    (OUTCOME and settle or run_again)(job)
  end
  return 'done'
end
