-- The record of a worker: whose it is, and its heartbeat.
-- requires: reply_of
-- arguments: worker, holder, iso, ttl
-- `holder`: the mark of the worker's process in its record. `iso`: now as RQ writes it. `ttl`: seconds after which the worker's
-- record expires; 0: another worker calls this for it, and does not renew that record.

local WORKER, ISO, TTL = args.worker, args.iso, tonumber(args.ttl)
local worker_key = keys.worker(WORKER)

-- whether the worker's record is this process's, and whether it is another's
local function whose_record()
  local holder = TTL > 0 and reply_of('HGET', worker_key, keys.FIELD_HOLDER)
  return holder == args.holder, type(holder) == 'string' and holder ~= args.holder
end

-- the worker's heartbeat, with what its processes hold (`keys.FIELD_MEMORY`); false where the worker has no record any more
local function heartbeat(state, memory)
  if not whose_record() then
    return false
  end
  redis.call('HSET', worker_key, 'last_heartbeat', ISO, 'state', state, keys.FIELD_MEMORY, memory)
  redis.call('EXPIRE', worker_key, TTL)
  return true
end
