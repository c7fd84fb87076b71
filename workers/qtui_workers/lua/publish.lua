-- Puts the jobs of a batch, whose records are written, where they belong, all in one step.
-- Returns 1; 0 where the batch is not complete any more.
-- requires: put
-- arguments: batch, count, last, place, queue, score, step, call
-- `count`: how many jobs the batch has. `last`: the id of the last one. `score`: '' where the place is a list.

local staged, place, score = keys.staged(args.batch), args.place, args.score
if redis.call('LLEN', staged) ~= tonumber(args.count) then
  -- already done where this call repeats an earlier one whose reply was lost
  return redis.call('ZSCORE', keys.STAGED, args.batch) == false and redis.call('EXISTS', keys.job(args.last)) or 0
end
prepare(place, score, args.queue)
if score == '' and redis.call('EXISTS', place) == 0 then
  redis.call('RENAME', staged, place)
else
  put(place, score, args.step, redis.call('LRANGE', staged, 0, -1))
  redis.call('UNLINK', staged)
end
redis.call('ZREM', keys.STAGED, args.batch)
if score == '' then
  queued(args.queue, tonumber(args.count), '', args.call)
end
return 1
