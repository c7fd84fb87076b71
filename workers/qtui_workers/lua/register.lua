-- Registers the limiters of queues as the processors declare them.
-- requires: limit, format
-- arguments: queues
-- `queues`: JSON {queue: [name, max, per in µs], or null where the processors of the queue have no limit}.

keep_format()
local now = now_us()
for queue, limit in pairs(cjson.decode(args.queues)) do
  if limit == cjson.null then
    redis.call('HDEL', keys.LIMITS, queue)
  else
    redis.call('HSET', keys.LIMITS, queue, limit[1])
    declare(limit[1], exact(limit[2]), exact(limit[3]), false, now)
  end
end
return 1
