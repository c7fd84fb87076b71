-- Admits a token, or returns when to try again.
-- A free slot wakes the first few callers in the line, as the very first may be slow to wake.
-- Returns 0 and `within` where it is admitted, else how long to wait, and for how long the limiter is closed (0: it is not);
-- -1 where there is no such limiter. Times are in µs.
-- requires: limit
-- arguments: limiter, token, within, patience, max, per, lost
-- `within`: the least time that a reply needs. `patience`: how long the place of a caller that does not try again is kept.
-- `max`, `per` and `lost` (1: the limiter is known to have existed) are what is declared of the limiter, '' where nothing is.

local STANDBY = 3

local token, within, patience = args.token, tonumber(args.within), tonumber(args.patience)
local limit, now = limits(), now_us()

local limiter
if args.max == '' then
  limiter = limit.named(args.limiter)
else
  limiter = limit.declare(args.limiter, args.max, args.per, args.lost == '1', now)
end
if not limiter then
  return { -1 }
end
-- A token that tries has not started: an earlier admission arrived too late, or not at all. The token gets that slot again.
local again = release(args.limiter, token)

local place = again and 0 or limit.place_in_line(limiter, token, now, patience)
local wait, usually = limit.wait_us(limiter, now, math.max(0, place - STANDBY))
if wait <= 0 then
  limit.leave_line(limiter, token)
  within = math.min(math.max(within, limit.moment(limiter)), limit.START_WITHIN)
  limit.admit(limiter, token, now, within)
  return { 0, within }
end
local closed = limit.closed_us(limiter, now)
if closed == 0 then
  limit.join_line(limiter, token, now, usually)
end
return { usually, closed }
