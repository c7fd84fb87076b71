-- Gives a worker its name, unless another one has it and lives: its record is there, and says nothing of its end. What RQ's own
-- code has written since a record expired, such as a counter, is no record of a worker.
-- Returns 1 where the name is free or this worker's own; the record is reserved then, and to be written at once.
-- requires: reply_of
-- arguments: worker, holder, ttl
-- `holder`: the mark of this worker. `ttl`: seconds.

local key = keys.worker(args.worker)
if redis.call('EXISTS', key) == 1 then
  local found = reply_of('HMGET', key, keys.FIELD_HOLDER, 'death', 'birth') or { false, false, true }
  local ended = found[2] and found[2] ~= ''
  local another = found[1] and found[1] ~= args.holder or not found[1] and found[3]
  if another and not ended then
    return 0
  end
end
redis.call('DEL', key)
redis.call('HSET', key, keys.FIELD_HOLDER, args.holder, 'death', '') -- RQ's worker overwrites a record with that field
redis.call('EXPIRE', key, args.ttl)
return 1
