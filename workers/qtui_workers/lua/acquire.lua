-- Admits a token, or says when to try again.
-- A free slot wakes a few of those who stand in line, as the first may be slow to wake.
-- Returns 0 and `within`: admitted; how long to wait; -1: there is no such limiter. All times are in µs.
-- requires: limit
-- arguments: limiter, token, within, patience, max, per, lost
-- `within`: the least that the way of a reply needs. `patience`: how long a place is kept for who does not come back. `max`,
-- `per` and `lost` (1: the limiter is known to have been there) are what is declared of the limiter, '' where nothing is.

local STANDBY = 3

local token, within, patience = args.token, tonumber(args.within), tonumber(args.patience)
local now = now_us()

local limiter
if args.max == '' then
  limiter = limiter_named(args.limiter)
else
  limiter = declare(args.limiter, args.max, args.per, args.lost == '1', now)
end
if not limiter then
  return { -1 }
end
-- Who tries has not started: an earlier admission arrived too late, or not at all. Its slot is its own again.
local again = release(args.limiter, token)

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
