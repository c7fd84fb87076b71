-- Places a hold. Returns 1 where it is placed now, 0 where it was already, -1 where there are too many.
-- requires: format
-- arguments: hold, mark, most
-- `mark`: what is written into the jobs that it holds.

check_format()
if redis.call('HGET', keys.HOLDS, args.hold) then
  return 0
elseif #redis.call('HKEYS', keys.HOLDS) >= tonumber(args.most) then
  return -1
end
redis.call('HSET', keys.HOLDS, args.hold, args.mark)
return 1
