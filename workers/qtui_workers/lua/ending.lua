-- How a job ends: rq.worker.base.BaseWorker.handle_job_success and handle_job_failure.
-- requires: event, limit, lease, retention, leave, log
-- arguments: kind, id, queue, execution, begun, started_iso, ended_iso, ended, took
-- arguments: payload, result_ttl, default_ttl, delay, front, keep, error, seen, forced, limit, since
-- arguments: refused_since, refused_times, peak, cpu, hold, hold_score
-- `kind` is one of `qtui_workers.engine.ending.Kind`; where no job ends, all these are ''. `took` and `delay`: seconds.
-- `front`, `forced`: 1 or 0. `since`: µs since the job's own code ended. `refused_since`, `refused_times`: when workers that
-- cannot run the job refused it first (seconds), and how often, this time included. `peak`: bytes of memory, `cpu`: seconds of
-- processor time, '' where not known. `hold`, `hold_score`: of a job that is held. The others are those of `Ending`.

local MOST_EVENTS = 10000
-- by outcome: rq.results.Result.Type, and the kind of event
local RESULT = { finished = '1', failed = '2' }
local EVENT = { finished = 'completed', failed = 'failed' }

local function write_event(kind, id, queue, description, attempt, details)
  event(MOST_EVENTS, kind, id, queue, description or '', WORKER, attempt or '', details)
end

local function write_ending_event(ending)
  local details = { seconds = ending.outcome and tonumber(ending.took) or ending.delay }
  if ending.error ~= '' then
    details.error = ending.error
  end
  details.peak_memory, details.cpu = tonumber(ending.peak), tonumber(ending.cpu)
  local kind = EVENT[ending.outcome] or 'retrying'
  write_event(kind, ending.id, ending.queue, ending.description, ending.attempt, cjson.encode(details))
end

local function count(ending)
  if redis.call('EXISTS', worker_key) == 1 then
    if ending.kind ~= 'rescheduled' then
      redis.call('HINCRBY', worker_key, ending.outcome == 'finished' and 'successful_job_count' or 'failed_job_count', 1)
    end
    redis.call('HINCRBYFLOAT', worker_key, 'total_working_time', ending.took)
  end
end

-- rq.results.Result.save
local function write_result(ending)
  local key = keys.results(ending.id)
  local entry = { 'type', RESULT[ending.outcome], 'worker_name', WORKER }
  if ending.payload ~= '' then
    entry[#entry + 1] = ending.outcome == 'finished' and 'return_value' or 'exc_string'
    entry[#entry + 1] = ending.payload
  end
  local execution = {
    'execution_id', ending.execution, 'execution_started_at', ending.begun, 'execution_ended_at', ending.ended,
  }
  for _, part in ipairs(execution) do
    entry[#entry + 1] = part
  end
  if ending.cpu ~= '' then
    entry[#entry + 1] = keys.FIELD_USED
    entry[#entry + 1] = (ending.peak == '' and '-' or ending.peak) .. ' ' .. ending.cpu
  end
  reply_of('XADD', key, 'MAXLEN', '~', 10, '*', unpack(entry))
  if ending.ttl == -1 then
    reply_of('PERSIST', key)
  elseif ending.ttl then
    reply_of('EXPIRE', key, ending.ttl)
  end
  return 'done'
end

-- rq.job.Job._handle_success, rq.registry.FailedJobRegistry.add and rq.job.Job.cleanup
local function settle(ending)
  local key = keys.job(ending.id)
  write_result(ending)
  fold_log(ending.id)
  local expires = ending.ttl or ending.default_ttl
  if expires > 0 then
    reply_of('EXPIRE', key, expires)
    if ending.forced == '1' then
      reply_of('EXPIRE', keys.dependents(ending.id), expires)
    end
    if ending.dependencies then
      reply_of('EXPIRE', keys.dependencies(ending.id), expires)
    end
  end
  local kind = statuses.registry[ending.kind]
  local registry = keys.registry(kind, ending.queue)
  local forever = ending.outcome == 'finished' and expires == -1 and '+inf' or expires
  reply_of('ZADD', registry, expires < 0 and forever or SECONDS + expires, ending.id)
  if ending.keep ~= '' and is_type(registry, 'zset') then
    keep_newest(kind, ending.queue, ending.id, tonumber(ending.keep))
  end
  return 'done'
end

local function restore_ttl(key)
  local ttl = tonumber(reply_of('HGET', key, 'ttl'))
  if ttl and ttl > 0 then
    redis.call('EXPIRE', key, ttl)
  end
end

-- rq.job.Job.retry; where the job is rescheduled, its retries stay, and the attempt does not count
local function run_again(ending)
  local key = keys.job(ending.id)
  reply_of('HINCRBY', key, ending.kind == 'rescheduled' and keys.FIELD_ATTEMPT or 'retries_left', -1)
  if ending.delay > 0 then
    redis.call('SADD', keys.QUEUES, keys.queue(ending.queue))
    reply_of('ZADD', keys.registry(statuses.registry.scheduled, ending.queue), SECONDS + ending.delay, ending.id)
  else
    reply_of('HSET', key, 'enqueued_at', ISO)
    reply_of(ending.front == '1' and 'LPUSH' or 'RPUSH', keys.queue(ending.queue), ending.id)
  end
  restore_ttl(key)
  return 'done'
end

-- the record of a job that has not begun after all: the attempt does not count; `...`: other fields and values
local function take_back(ending, status, ...)
  local key = keys.job(ending.id)
  redis.call('HSET', key, 'status', status, 'started_at', '', 'worker_name', '', ...)
  reply_of('HINCRBY', key, keys.FIELD_ATTEMPT, -1)
  restore_ttl(key)
  return key
end

-- puts the job back at the head of its queue
local function put_back(ending)
  take_back(ending, 'queued')
  reply_of('LPUSH', keys.queue(ending.queue), ending.id)
  return 'done'
end

-- puts the job into a registry, where it needs no place in RQ's limits: it will request one when it leaves that
local function lay_by(ending, status, score, key)
  redis.call('SADD', keys.QUEUES, keys.queue(ending.queue))
  reply_of('ZADD', keys.registry(statuses.registry[status], ending.queue), score, ending.id)
  local limit = redis.call('HGET', key, 'rate_limit_key')
  if limit and limit ~= '' then
    leave_limit(limit, ending.id)
  end
end

local function write_event_before(kind, ending, details)
  write_event(kind, ending.id, ending.queue, ending.description, (tonumber(ending.attempt) or 1) - 1, cjson.encode(details))
end

-- puts the job into hold, unless that was released meanwhile
local function hold_back(ending)
  local mark = reply_of('HGET', keys.HOLDS, ending.hold)
  if ending.limit ~= '' then
    release(ending.limit, ending.execution)
  end
  if not mark then
    return put_back(ending)
  end
  lay_by(ending, 'deferred', ending.hold_score, take_back(ending, 'deferred', keys.FIELD_HELD, mark))
  write_event_before('held', ending, { hold = ending.hold })
  return 'done'
end

-- sets a job aside for a while, so that a worker which can run it may take it
local function set_aside(ending)
  local why = { since = tonumber(ending.refused_since), times = tonumber(ending.refused_times), why = ending.error }
  local key = take_back(ending, 'scheduled', keys.FIELD_REFUSED, cjson.encode(why))
  lay_by(ending, 'scheduled', SECONDS + ending.delay, key)
  write_event_before('refused', ending, { seconds = ending.delay, error = ending.error })
  return 'done'
end

-- what becomes of jobs that have not begun after all
local NOT_BEGUN = { returned = put_back, refused = set_aside, held = hold_back }

-- The first write of an ending: on a server without memory the script ends here, before the ending is partly written.
local function note_end(ending)
  local status = ending.kind
  if not ending.outcome then
    status = ending.delay > 0 and 'scheduled' or 'queued'
  end
  reply_of('HSET', keys.job(ending.id), 'status', status,
    'started_at', ending.started_iso, 'ended_at', ending.ended_iso, 'last_heartbeat', ending.ended_iso)
end

-- Ends a job. Returns 'done'; 'lost' where the lease is not ours, or the job is gone; 'dependents' where other jobs wait for
-- it (nothing is done then, as RQ's own code has to end such a job).
local function end_job(ending)
  local not_begun = NOT_BEGUN[ending.kind]
  local begun = not_begun == nil
  if ending.limit ~= '' and begun then
    started(ending.limit, ending.execution, now_us() - ending.since)
  end
  if not holds_lease(ending.id, ending.queue, ending.execution, ending.seen) then
    return 'lost'
  elseif ending.outcome and ending.forced ~= '1' and reply_of('SCARD', keys.dependents(ending.id)) ~= 0 then
    return 'dependents'
  end
  local key = keys.job(ending.id)
  local fields = reply_of('HMGET', key, 'status', 'description', keys.FIELD_ATTEMPT, 'dependency_ids')
  local gone = fields and not fields[1] and redis.call('EXISTS', key) == 0
  fields = fields or {}
  ending.description, ending.attempt, ending.dependencies = fields[2], fields[3], fields[4]
  local counted = not gone and ending.kind ~= 'settled'
  -- enqueued again while it ran: its record belongs to another run now; one that was canceled is not rescheduled either
  local again = statuses.waits[fields[1]] or (ending.kind == 'rescheduled' and fields[1] == 'canceled')
  if counted and begun and not again then
    note_end(ending)
  end
  release_lease(ending.id, ending.queue, ending.execution)
  if not counted then
    return gone and 'lost' or 'done'
  elseif not begun then
    return (again or fields[1] == 'canceled') and 'done' or not_begun(ending)
  end
  count(ending)
  write_ending_event(ending)
  if not ending.outcome then
    return again and 'done' or run_again(ending)
  end
  return again and write_result(ending) or settle(ending)
end

-- the ending that the arguments describe
local function given_ending()
  args.outcome = statuses.outcome[args.kind]
  args.ttl, args.default_ttl, args.delay = tonumber(args.result_ttl), tonumber(args.default_ttl), tonumber(args.delay)
  return args
end
