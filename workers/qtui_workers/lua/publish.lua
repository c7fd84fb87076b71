-- Puts the jobs of a batch, whose records are written, where they belong, all in one step; after event.lua and put.lua.
-- KEYS: the batch's list, the set of batches, the list or sorted set that takes the ids, the last job of the batch
-- ARGV: batch, how many jobs it has, queue, score or '', seconds from one score to the next, what the jobs call
-- Returns 1; 0 where the batch is not whole any more

local batch, count, queue, score, step, call = unpack(ARGV)
if redis.call('LLEN', KEYS[1]) ~= tonumber(count) then
  -- done all the same where the answer to an earlier call was lost, and this is that call again
  return redis.call('ZSCORE', KEYS[2], batch) == false and redis.call('EXISTS', KEYS[4]) or 0
end
prepare(KEYS[3], score, queue)
if score == '' and redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('RENAME', KEYS[1], KEYS[3])
else
  put(KEYS[3], score, step, redis.call('LRANGE', KEYS[1], 0, -1))
  redis.call('UNLINK', KEYS[1])
end
redis.call('ZREM', KEYS[2], batch)
if score == '' then
  queued(queue, tonumber(count), '', call)
end
return 1
