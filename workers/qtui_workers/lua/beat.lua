-- A sign of life of the worker and of the job it runs; and what it should look after, after lease.lua.
-- ARGV, after those of lease.lua: the state, the job's id ('': none), queue and execution, then the queues
-- Returns 1 where the worker is on record, 1 where the lease is held, then what is overdue: queue, JOB:EXECUTION and
-- score of each expired lease; then the queues that have entries between queue and start

local MOST = 100

local known = sign_of_life(argument())
local id, queue, execution = argument(), argument(), argument()
local held = true
if id ~= '' then
  held = holds_lease(id, queue, execution, '')
  if held then
    write_lease(id, queue, execution, lease_seconds(redis.pcall('HGET', job_key(id), 'timeout')), {})
    if is_type(job_key(id), 'hash') then
      redis.call('HSET', job_key(id), 'last_heartbeat', ISO)
    end
  end
end

local expired, stranded = {}, {}
for position = argument_at + 1, #ARGV do
  local name = ARGV[position]
  local found = redis.pcall('ZRANGEBYSCORE', lease_key(name), '-inf', SECONDS, 'WITHSCORES', 'LIMIT', 0, MOST)
  for at = 1, found.err and 0 or #found, 2 do
    expired[#expired + 1] = { name, found[at], found[at + 1] }
  end
  if redis.call('EXISTS', P .. 'queue:' .. name .. ':intermediate') == 1 then
    stranded[#stranded + 1] = name
  end
end
return { known and 1 or 0, held and 1 or 0, expired, stranded }
