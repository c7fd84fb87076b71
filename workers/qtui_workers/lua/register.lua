-- Registers the limiters of queues as the processors declare them.
-- requires: limit, format
-- arguments: queues
-- `queues`: JSON {queue: [name, max, per in µs], or null where the processors of the queue have no limit}.

keep_format()
local limit, now = limits(), now_us()
local free = {} -- queues without a limit
for queue, declared in pairs(cjson.decode(args.queues)) do
  if declared == cjson.null then
    free[#free + 1] = queue
  else
    redis.call('HSET', keys.LIMITS, queue, declared[1])
    limit.declare(declared[1], exact(declared[2]), exact(declared[3]), false, now)
  end
end
if free[1] then
  redis.call('HDEL', keys.LIMITS, unpack(free))
end
return 1
