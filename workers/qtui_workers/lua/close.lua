-- Closes a limiter for a while: no start is admitted. Where it is closed for longer already, it stays so.
-- Returns until when it is closed (µs), -1 where there is no such limiter.
-- requires: limit
-- arguments: limiter, length, why, max, per
-- `length` in µs. `max` and `per` are what is declared of the limiter, '' where nothing is.

local limit, now = limits(), now_us()
local limiter
if args.max == '' then
  limiter = limit.named(args.limiter)
else
  limiter = limit.declare(args.limiter, args.max, args.per, false, now)
end
if not limiter then
  return -1
end
local length, closed = tonumber(args.length), limit.closed_us(limiter, now)
if length > closed then
  redis.call('HSET', limiter.hash, 'closed_until', exact(now + length), 'closed_because', args.why)
end
return exact(now + math.max(length, closed))
