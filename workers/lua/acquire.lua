-- Admits a token, or says when to ask again. After `limit`.
-- Who waits stands in line: a sorted set of tokens by the time at which each was told to come back, in order of arrival.
-- Each is told the time of its own slot, so that a free slot wakes few and not all; a few, as the first may be slow to wake.
-- ARGV: the limiter, the token, the least `within` that the way of a reply needs, how long a place is kept for who does
-- not come back, and what is declared of the limiter: max, per, and whether it is known to have been there ('' thrice: nothing)
-- Gives 0 and `within`: admitted; how long to wait; -1: there is no such limiter. All times are in µs.
local STANDBY = 3

local name, token, within, patience = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_us()

local limiter
if ARGV[5] == '' then
    limiter = limiter_named(name)
else
    limiter = declare(name, ARGV[5], ARGV[6], ARGV[7] == '1', now)
end
if not limiter then
    return { -1 }
end
-- Who asks has not started: an admission of before came too late, or was not heard of. Its slot is its own again.
local again = release(name, token)

redis.call('ZREMRANGEBYSCORE', limiter.waiting, '-inf', exact(now - patience))
local place = again and 0 or redis.call('ZRANK', limiter.waiting, token) or redis.call('ZCARD', limiter.waiting)
local wait = wait_us(limiter, now, math.max(0, place - STANDBY))
if wait <= 0 then
    redis.call('ZREM', limiter.waiting, token)
    within = math.min(math.max(within, moment(limiter)), START_WITHIN)
    admit(limiter, token, now, within)
    return { 0, within }
end
local last = tonumber(redis.call('ZREVRANGE', limiter.waiting, 0, 0, 'WITHSCORES')[2]) or 0
redis.call('ZADD', limiter.waiting, 'NX', exact(math.max(now + wait, last)), token)
return { wait }
