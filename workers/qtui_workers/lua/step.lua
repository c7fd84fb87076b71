-- Ends a worker's job and takes the next one in one step, so that no job can be lost in between.
-- Returns the outcome of the ending ('' where no job ends), then 'job', id, queue, its hash as it was before, the number of its
-- dependents, its limiter ('' for none), now in seconds, and where there are holds the score with which this job would be held,
-- and each of them; or 'nothing', microseconds until a limit lets a job through (0: no
-- limit holds one back), 1 where workers are suspended, 2 where jobs wait in paused queues only and 3 where newer programs write
-- here, then each queue that a limit holds back, with its limiter.
-- requires: ending, format
-- arguments: next
-- `next`: the execution to begin, '' to take nothing. Unnamed: each queue in order, with the limit that is declared for it
-- ('' for none).

local MOST_DROPPED = 1000
-- fields that are about what was before the attempt
local OF_BEFORE = { keys.FIELD_PROGRESS, keys.FIELD_REFUSED, keys.FIELD_HELD, keys.FIELD_LET, keys.FIELD_BATCH }

-- A first write that needs memory: a server without memory refuses the script here, and not later.
local known, replaced = whose_record()
if known then
  redis.call('HSET', worker_key, 'last_heartbeat', ISO, 'state', 'busy')
end

local outcome = args.kind ~= '' and end_job(given_ending()) or ''
if outcome == 'dependents' then
  return { outcome, 'nothing', 0, 0 }
end

-- A free slot of a limiter wakes so many workers besides the first in line, which may be slow to wake.
local STANDBY = 2
-- A worker that does not try again for so many µs loses its place in line.
local PATIENCE = 4000000

local lines, limited_queues = {}, {}
local holding = false
local execution = args.next
local waits = 0
local paused = false
local life = TTL

-- a job's hash as a list and as a table; nil where there is none, {} where the key is no hash
local function hash(id)
  local flat = reply_of('HGETALL', keys.job(id))
  if not flat then
    return {}, {}
  elseif #flat == 0 then
    return nil
  end
  local fields = {}
  for at = 1, #flat, 2 do
    fields[flat[at]] = flat[at + 1]
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
local function begin_job(id, queue, fields, limit)
  local seconds = lease_seconds(fields.timeout)
  life = math.max(life, LEASE == 0 and seconds or 0)
  write_lease(id, queue, execution, seconds,
    { 'id', execution, 'job_id', id, 'created_at', NOW, 'worker_name', WORKER, 'queue', queue, 'limit', limit })
  redis.call('SADD', worker_executions, id .. ':' .. execution)
  if not next(fields) then
    return
  end
  local key = keys.job(id)
  local attempt = (tonumber(fields[keys.FIELD_ATTEMPT]) or 0) + 1
  redis.call('HSET', key, 'last_heartbeat', ISO, 'status', 'started', 'started_at', ISO, 'worker_name', WORKER,
    keys.FIELD_ATTEMPT, attempt)
  redis.call('PERSIST', key)
  for _, name in ipairs(OF_BEFORE) do
    if fields[name] then
      redis.call('HDEL', key, unpack(OF_BEFORE))
      break
    end
  end
  write_event('started', id, queue, fields.description, attempt)
end

-- how long a limiter makes this worker wait; computed once for all queues of the limiter
local function wait_for(limiter, now)
  if limiter.unknown then
    return wait_us(limiter, now)
  end
  local line = lines[limiter.name]
  if not line then
    limiter.waiting = keys.limit_workers(limiter.name) -- the line of workers: the usage counts only the other one
    local place, stands = place_in_line(limiter, WORKER, now, PATIENCE)
    line = { limiter = limiter, stands = stands }
    line.wait, line.usually = wait_us(limiter, now, math.max(0, place - STANDBY))
    lines[limiter.name] = line
  end
  return line.wait, line.usually
end

-- the limiter of a queue, and whether it lets a job through now; else notes when it will
local function limited(queue, declared, now)
  local limiter = limit_for(queue, declared, now)
  if not limiter then
    return nil, true
  end
  local wait, usually = wait_for(limiter, now)
  if wait > 0 then
    limited_queues[#limited_queues + 1] = queue
    limited_queues[#limited_queues + 1] = limiter.name or ''
    waits = math.min(waits == 0 and math.huge or waits, math.ceil(usually))
  end
  return limiter, wait <= 0
end

-- a worker that got a job leaves all lines; one that got none joins the line of every limiter that holds it back
local function line_up(found, now)
  for _, line in pairs(lines) do
    if found and line.stands then
      leave_line(line.limiter, WORKER)
    elseif not found and line.wait > 0 and closed_us(line.limiter, now) == 0 then
      join_line(line.limiter, WORKER, now, line.usually)
    end
  end
end

local function take(queue, declared, now)
  if redis.call('EXISTS', keys.queue(queue)) == 0 then
    return nil
  elseif reply_of('SISMEMBER', keys.PAUSED, queue) == 1 then
    paused = true
    return nil
  end
  local limiter, open = limited(queue, declared, now)
  if not open then
    return nil
  end
  local id, flat, fields = pop(queue)
  if not id then
    return nil
  end
  if limiter then
    admit(limiter, execution, now)
  end
  local limit = limiter and limiter.name or ''
  begin_job(id, queue, fields, limit)
  return taken(id, queue, flat, limit)
end

local function claim()
  local before = taken_before()
  if before then
    return before
  end
  if replaced then -- another worker has its name: this one has to end
    return { outcome, 'nothing', 0, 0 }
  elseif is_newer() then
    return { outcome, 'nothing', 0, 3 }
  end
  local restrictions = redis.call('EXISTS', keys.SUSPENDED, keys.HOLDS)
  if restrictions > 0 and redis.call('EXISTS', keys.SUSPENDED) == 1 then
    return { outcome, 'nothing', 0, 1 }
  end
  holding = restrictions > 0
  local now = TIME[1] * 1000000 + TIME[2]
  for position = FIRST, #ARGV, 2 do
    local found = take(ARGV[position], ARGV[position + 1], now)
    if found then
      line_up(true, now)
      return found
    end
  end
  line_up(false, now)
  return { outcome, 'nothing', waits, waits == 0 and paused and 2 or 0, unpack(limited_queues) }
end

local answer = execution ~= '' and claim() or { outcome, 'nothing', 0, 0 }
if known then
  if answer[2] ~= 'job' then
    redis.call('HSET', worker_key, 'state', answer[4] == 1 and 'suspended' or 'idle')
  end
  redis.call('EXPIRE', worker_key, life)
  reply_of('EXPIRE', worker_executions, life)
end
return answer
