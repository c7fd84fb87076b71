-- Strict limits on starts, on the server's clock: no window of length `per` ever holds more than `max` starts.
--
-- A limiter's log is a sorted set of its newest admissions: member = token, score = a time (µs) that the start does
-- not exceed. At admission that is now + `within`: whoever is admitted promises to start by then, or not at all. A report,
-- sent after the start, lowers the score to the time of its arrival, less what has certainly passed since (`started`). A
-- late, lost or repeated report costs rate, never strictness. Admission at a time t needs fewer than `max` scores above t - per.
--
-- Proof. Let max + 1 starts lie within less than `per`, and let the one admitted last be admitted at t; it starts at t or
-- later, so the other starts, and with them their scores, are above t - per. All are in the log, for what is trimmed has
-- a score below (its own admission's now) - per. So there are `max` scores above t - per, and it was not admitted.
--
-- A server's clock that goes back only makes the scores later than they need be. One that leaps forward cannot be told
-- from time that has passed.
--
-- What it defines; times and lengths are in µs:
--   limit_for(queue, declared, now)     the limiter of a queue, or nil; to be asked only where the queue holds a job
--   limiter_named(name)                 the limiter of that name, or nil
--   wait_us(limiter, now [, place])     0, or how long until it is let through (behind `place` others) if no report comes,
--                                       and how long until it is worth asking again, as reports usually come at once
--   admit(limiter, token, now [, within])   only after wait_us gave 0 in the same script
--   place_in_line(limiter, token, now, patience)   how many stand before it, and whether it stands there already
--   stand_in_line(limiter, token, now, wait)       once it was told to wait
--   leave_line(limiter, token)
--   started(name, token, now)           the report: what was admitted has started before now
--   release(name, token)                what was admitted will certainly not start; whether it was in the log
local START_WITHIN = 5000000
local LEAP = 1000000
local MOMENTS, BRIEFEST = 500, 2000 -- in a window, which is what the rate loses by one; and the least length of one

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function exact(number)
  return string.format('%.0f', number)
end

-- Within the bounds of qtui_workers.rate.limiter.Limit: what a person wrote into the hash may be anything.
local function within_bounds(max, per)
  return max and per and max >= 1 and max <= 10000 and per >= 10000 and per <= 86400000000
end

local function limiter_named(name)
  local hash = keys.limit(name)
  local fields = redis.call('HMGET', hash, 'max', 'per_us', 'server', 'open_at')
  local max, per = tonumber(fields[1]), tonumber(fields[2])
  if not within_bounds(max, per) then
    return nil
  end
  return {
    name = name, hash = hash, log = keys.limit_log(name), waiting = keys.limit_waiting(name),
    max = math.floor(max), per = per, server = fields[3], open_at = tonumber(fields[4]) or 0,
  }
end

-- Enters a limiter, unless it is there: what was changed since stays, until what is declared changes too.
-- `lost`: it is known to have been there. What it had admitted is unknown then, so a whole window is closed.
local function declare(name, max, per, lost, now)
  local hash, declared = keys.limit(name), max .. '/' .. per
  local limiter = limiter_named(name)
  redis.call('SADD', keys.LIMITERS, name)
  if not limiter or redis.call('HGET', hash, 'declared') ~= declared then
    redis.call('HSET', hash, 'max', max, 'per_us', per, 'declared', declared)
    if lost and not limiter then
      redis.call('HSET', hash, 'open_at', exact(now + START_WITHIN + per))
    end
    limiter = limiter_named(name)
  end
  return limiter
end

-- `declared` is '' or JSON [name, max, per] of a limit that this worker has registered: missing, it was lost.
local function limit_for(queue, declared, now)
  local name = redis.call('HGET', keys.LIMITS, queue)
  local limiter = name and limiter_named(name)
  if limiter or not declared or declared == '' then
    return limiter or name and { closed = true } or nil
  end
  local lost = cjson.decode(declared)
  redis.call('HSET', keys.LIMITS, queue, lost[1])
  return declare(lost[1], exact(lost[2]), exact(lost[3]), true, now)
end

-- The score that is next after the `place` newest, or nil.
local function score_at(limiter, place)
  return tonumber(redis.call('ZREVRANGE', limiter.log, place, place, 'WITHSCORES')[2])
end

-- How long until a slot is free for who comes after `place` others, if each of them takes one as soon as it can; and the
-- same if what has not been reported yet started by now.
local function free_in(limiter, now, place)
  local windows = math.floor(place / limiter.max) * limiter.per
  local score = score_at(limiter, limiter.max - 1 - place % limiter.max)
  local ends = score and score + limiter.per or 0
  return math.max(0, ends - now) + windows, math.max(0, math.min(ends - now, limiter.per)) + windows
end

-- A score so far ahead shows that the clock was set back: the log goes along, for a limiter must not stay closed until
-- the clock has caught up. Scores move by no more than the clock has, so that starts still do not exceed them.
local function follow_clock(limiter, now)
  local ahead = (score_at(limiter, 0) or 0) - START_WITHIN - now
  if ahead > LEAP then
    for _, token in ipairs(redis.call('ZRANGE', limiter.log, 0, -1)) do
      redis.call('ZINCRBY', limiter.log, exact(-ahead), token)
    end
    redis.call('DEL', limiter.waiting)
  end
  local latest = now + START_WITHIN + limiter.per
  if limiter.open_at > latest + LEAP then
    limiter.open_at = latest
    redis.call('HSET', limiter.hash, 'open_at', exact(latest))
  end
end

-- When a limiter may open on a server process that it has not been used on.
-- A process begun after the last admission restored it from disk: an append-only file holds all of it, anything less may lack
-- the newest entries, so the begin of the process counts as a full log. A process that was there before is a
-- replica made primary, which may lack the newest entries whatever it writes to disk. What cannot be told from here is a
-- machine that lost its power: unless `appendfsync always` is set, a second or two of the file are gone then. Closing
-- a window at every restart for that would stop a limit per day for a day.
local function opens_at(limiter, now, info)
  local uptime = tonumber(info:match('uptime_in_seconds:(%d+)')) or 0
  local begun = (math.floor(now / 1000000) - uptime + 1) * 1000000
  local newest = score_at(limiter, 0)
  local replica = newest and newest - START_WITHIN > begun
  if not replica and redis.call('INFO', 'persistence'):find('aof_enabled:1', 1, true) then
    return 0
  end
  return (replica and now or begun) + START_WITHIN + limiter.per
end

local function hold_us(limiter, now)
  local info = redis.pcall('INFO', 'server')
  local server = type(info) == 'string' and info:match('run_id:(%w+)')
  if server and server ~= limiter.server then
    limiter.server = server
    limiter.open_at = math.max(limiter.open_at, opens_at(limiter, now, info))
    redis.call('HSET', limiter.hash, 'server', server, 'open_at', exact(limiter.open_at))
  end
  return math.max(0, limiter.open_at - now)
end

local function wait_us(limiter, now, place)
  if limiter.closed then
    return LEAP, LEAP
  end
  follow_clock(limiter, now)
  local wait, usually = free_in(limiter, now, place or 0)
  if wait > 0 then
    return wait, usually
  end
  local hold = hold_us(limiter, now)
  return hold, hold
end

-- Who waits stands in line: a sorted set of tokens by the time at which each was told to come back, in order of arrival.
-- Each is told the time of its own slot, so that a free slot wakes few and not all. Who does not come back in time is forgotten.
local function place_in_line(limiter, token, now, patience)
  redis.call('ZREMRANGEBYSCORE', limiter.waiting, '-inf', exact(now - patience))
  local rank = redis.call('ZRANK', limiter.waiting, token)
  return rank or redis.call('ZCARD', limiter.waiting), rank and true
end

local function stand_in_line(limiter, token, now, wait)
  local last = tonumber(redis.call('ZREVRANGE', limiter.waiting, 0, 0, 'WITHSCORES')[2]) or 0
  redis.call('ZADD', limiter.waiting, 'NX', exact(math.max(now + wait, last)), token)
end

local function leave_line(limiter, token)
  redis.call('ZREM', limiter.waiting, token)
end

local function admit(limiter, token, now, within)
  redis.call('ZADD', limiter.log, exact(now + (within or START_WITHIN)), token)
  redis.call('ZREMRANGEBYRANK', limiter.log, 0, -limiter.max - 1)
end

-- How long may pass between the last look at a clock and a start that nobody reports: a process may be made to wait just there.
local function moment(limiter)
  return math.max(BRIEFEST, math.floor(limiter.per / MOMENTS))
end

local function started(name, token, now)
  redis.pcall('ZADD', keys.limit_log(name), 'XX', 'LT', exact(now), token)
end

local function release(name, token)
  return redis.call('ZREM', keys.limit_log(name), token) == 1
end
