-- Admits a token, or says when to ask again. After `limit`.
-- A free slot wakes a few of those who stand in line, as the first may be slow to wake.
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

local place = again and 0 or place_in_line(limiter, token, now, patience)
local wait, usually = wait_us(limiter, now, math.max(0, place - STANDBY))
if wait <= 0 then
    leave_line(limiter, token)
    within = math.min(math.max(within, moment(limiter)), START_WITHIN)
    admit(limiter, token, now, within)
    return { 0, within }
end
stand_in_line(limiter, token, now, usually)
return { usually }
