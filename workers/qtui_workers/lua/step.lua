-- Ends a worker's job and takes the next one in one step, so that no job can be lost in between.
-- Returns the outcome of the ending ('' where no job ends), then 'job', id, queue, its hash as it was before, the number of its
-- dependents, its limiter ('' for none), now in seconds, and where there are holds the score with which this job would be held,
-- and each of them; or 'nothing', microseconds until a limit lets a job through (0: no
-- limit holds one back), 1 where workers are suspended, 2 where jobs wait in paused queues only and 3 where newer programs write
-- here, then each queue that a limit holds back, with its limiter.
-- requires: ending, format
-- arguments: next, again
-- `next`: the execution to begin, '' to take nothing. `again`: 1 where an earlier call with that execution may have been carried
-- out, else 0. Unnamed: each queue in order, with the limit that is declared for it ('' for none).

local MOST_DROPPED = 1000
-- fields of a job that are read here; of those that are true, the values are about what was before the attempt
local READ = {
  timeout = false, description = false, [keys.FIELD_ATTEMPT] = false, [keys.FIELD_PROGRESS] = true, [keys.FIELD_REFUSED] = true,
  [keys.FIELD_HELD] = true, [keys.FIELD_LET] = true, [keys.FIELD_BATCH] = true,
}

local job = args.kind ~= '' and look_at_job()
local COUNTS = { keys.FIELD_HOLDER, 'successful_job_count', 'failed_job_count', 'total_working_time' }
local record = reply_of('HMGET', worker_key, unpack(COUNTS)) or {}
local known = TTL > 0 and record[1] == args.holder
local replaced = TTL > 0 and record[1] and not known

-- The worker's heartbeat, and its counts with this job. The first write needs memory: a server without memory refuses the
-- script here, and not later.
local function note_worker()
  local fields = known and { 'last_heartbeat', ISO, 'state', 'busy' } or {}
  if job and job.counts and (known or redis.call('EXISTS', worker_key) == 1) then
    fields[#fields + 1] = 'total_working_time'
    fields[#fields + 1] = string.format('%.6f', (tonumber(record[4]) or 0) + args.took)
    if args.kind ~= 'rescheduled' then
      local place = OUTCOME == 'finished' and 2 or 3
      fields[#fields + 1] = COUNTS[place]
      fields[#fields + 1] = (tonumber(record[place]) or 0) + 1
    end
  end
  if #fields > 0 then
    redis.call('HSET', worker_key, unpack(fields))
  end
end

note_worker()
local outcome = job and end_job(job) or ''
if outcome == 'dependents' then
  return { outcome, 'nothing', 0, 0 }
end

local execution = args.next
local holding, paused, waits, gate = false, false, 0, nil
local life = TTL
-- whether the set of the worker's executions has a time to live that the heartbeat renews
local kept_alive = LEASE > 0 and job and job.released

-- a job's hash as a list, and its fields that are read here; nil where there is none, {} where the key is no hash
local function hash(id)
  local flat = reply_of('HGETALL', keys.job(id))
  if not flat then
    return {}, {}
  elseif #flat == 0 then
    return nil
  end
  local fields = { old = false }
  for at = 1, #flat, 2 do
    local name = flat[at]
    local old = READ[name]
    if old ~= nil then
      fields[name] = flat[at + 1]
      fields.old = fields.old or old
    end
  end
  return flat, fields
end

local function taken(id, queue, flat, limit)
  local found = { outcome, 'job', id, queue, flat, reply_of('SCARD', keys.dependents(id)) or 1, limit, SECONDS }
  if holding then -- what it calls cannot be read here: the worker has to look
    found[#found + 1] = string.format('%.6f', keys.HELD_FROM + SECONDS + MICROS / 1000000)
    for _, hold in ipairs(reply_of('HKEYS', keys.HOLDS) or {}) do
      found[#found + 1] = hold
    end
  end
  return found
end

-- the job that an earlier call with this execution has taken, where the reply to that call was lost
local function taken_before()
  for _, member in ipairs(redis.call('SMEMBERS', worker_executions)) do
    if string.sub(member, -#execution - 1) == ':' .. execution then
      local id = string.sub(member, 1, -#execution - 2)
      local noted = redis.call('HMGET', keys.execution(id, execution), 'queue', 'limit')
      holding = true
      return taken(id, noted[1], hash(id) or {}, noted[2])
    end
  end
end

-- the job at the head of the queue; entries whose job is gone are dropped, as RQ does
local function pop(queue)
  for _ = 1, MOST_DROPPED do
    local id = reply_of('LPOP', keys.queue(queue))
    if not id then
      return nil
    end
    local flat, fields = hash(id)
    if flat then
      return id, flat, fields
    end
  end
  waits = 1 -- there may be more
end

-- rq.executions.Execution.create and rq.job.Job.prepare_for_execution
local function begin_job(id, queue, flat, fields, limit)
  local seconds = lease_seconds(fields.timeout)
  life = math.max(life, LEASE == 0 and seconds or 0)
  write_lease(id, queue, execution, seconds,
    'id', execution, 'job_id', id, 'created_at', NOW, 'worker_name', WORKER, 'queue', queue, 'limit', limit)
  redis.call('SADD', worker_executions, id .. ':' .. execution)
  if not kept_alive then -- else the heartbeat does it
    redis.call('EXPIRE', worker_executions, life)
  end
  if #flat == 0 then
    return
  end
  local key = keys.job(id)
  local attempt = (tonumber(fields[keys.FIELD_ATTEMPT]) or 0) + 1
  redis.call('HSET', key, 'last_heartbeat', ISO, 'status', 'started', 'started_at', ISO, 'worker_name', WORKER,
    keys.FIELD_ATTEMPT, attempt)
  redis.call('PERSIST', key)
  if fields.old then
    redis.call('HDEL', key, keys.FIELD_PROGRESS, keys.FIELD_REFUSED, keys.FIELD_HELD, keys.FIELD_LET, keys.FIELD_BATCH)
  end
  event(MOST_EVENTS, 'started', id, queue, fields.description, WORKER, attempt)
end

-- What pauses and limits let through. Functions that a script makes anew at each call: only where there may be such.
local function new_gate()
  local STANDBY = 2 -- a free slot of a limiter wakes so many workers besides the first in line, which may be slow to wake
  local PATIENCE = 4000000 -- a worker that does not try again for so many µs loses its place in line
  local limit, lines, now = limits(), {}, TIME[1] * 1000000 + TIME[2]
  local new = { held = {} }

  -- how long a limiter makes this worker wait; computed once for all queues of the limiter
  local function wait_for(limiter)
    if limiter.unknown then
      return limit.wait_us(limiter, now)
    end
    local line = lines[limiter.name]
    if not line then
      limiter.waiting = keys.limit_workers(limiter.name) -- the line of workers: the usage counts only the other one
      local place, stands = limit.place_in_line(limiter, WORKER, now, PATIENCE)
      line = { limiter = limiter, stands = stands }
      line.wait, line.usually = limit.wait_us(limiter, now, math.max(0, place - STANDBY))
      lines[limiter.name] = line
    end
    return line.wait, line.usually
  end

  -- whether a job may be taken from the queue now, and its limiter; else notes when a limit will let one through
  function new.is_open(queue, declared)
    if redis.call('EXISTS', keys.queue(queue)) == 0 then
      return false
    elseif reply_of('SISMEMBER', keys.PAUSED, queue) == 1 then
      paused = true
      return false
    end
    local limiter = limit.of_queue(queue, declared, now)
    local wait, usually = 0, 0
    if limiter then
      wait, usually = wait_for(limiter)
    end
    if wait > 0 then
      new.held[#new.held + 1] = queue
      new.held[#new.held + 1] = limiter.name or ''
      waits = math.min(waits == 0 and math.huge or waits, math.ceil(usually))
    end
    return wait <= 0, limiter
  end

  function new.admit(limiter)
    limit.admit(limiter, execution, now)
  end

  -- a worker that got a job leaves all lines; one that got none joins the line of every limiter that holds it back
  function new.line_up(found)
    for _, line in pairs(lines) do
      if found and line.stands then
        limit.leave_line(line.limiter, WORKER)
      elseif not found and line.wait > 0 and limit.closed_us(line.limiter, now) == 0 then
        limit.join_line(line.limiter, WORKER, now, line.usually)
      end
    end
  end

  return new
end

local function take(queue, declared, is_limited)
  if is_limited or declared ~= '' then
    gate = gate or new_gate()
  end
  local open, limiter = true, nil
  if gate then
    open, limiter = gate.is_open(queue, declared)
  end
  local id, flat, fields
  if open then
    id, flat, fields = pop(queue)
  end
  if not id then
    return nil
  end
  if limiter then
    gate.admit(limiter)
  end
  local limit = limiter and limiter.name or ''
  begin_job(id, queue, flat, fields, limit)
  return taken(id, queue, flat, limit)
end

local function claim()
  local before = args.again == '1' and taken_before()
  if before then
    return before
  end
  if replaced then -- another worker has its name: this one has to end
    return { outcome, 'nothing', 0, 0 }
  elseif is_newer() then
    return { outcome, 'nothing', 0, 3 }
  end
  local restricted = redis.call('EXISTS', keys.SUSPENDED, keys.HOLDS, keys.PAUSED) > 0
  if restricted and redis.call('EXISTS', keys.SUSPENDED) == 1 then
    return { outcome, 'nothing', 0, 1 }
  end
  holding = restricted and redis.call('EXISTS', keys.HOLDS) == 1
  gate = restricted and new_gate()
  local queues, found = {}, nil
  for position = FIRST, #ARGV, 2 do
    queues[#queues + 1] = ARGV[position]
  end
  local limiters = queues[1] and redis.call('HMGET', keys.LIMITS, unpack(queues))
  for place, queue in ipairs(queues) do
    found = found or take(queue, ARGV[FIRST + 2 * place - 1], limiters[place])
  end
  if gate then
    gate.line_up(found)
  end
  return found or { outcome, 'nothing', waits, waits == 0 and paused and 2 or 0, unpack(gate and gate.held or {}) }
end

local answer = execution ~= '' and claim() or { outcome, 'nothing', 0, 0 }
if job and job.released then -- only now, so that the set, which has a time to live, is not emptied meanwhile
  reply_of('SREM', worker_executions, job.released)
end
if known and answer[2] ~= 'job' then
  redis.call('HSET', worker_key, 'state', answer[4] == 1 and 'suspended' or 'idle')
end
if known and LEASE == 0 then
  redis.call('EXPIRE', worker_key, life)
end
return answer
