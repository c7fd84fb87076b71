-- Strict limits on starts, on the server's clock: no window of length `per` ever holds more than `max` starts.
--
-- A limiter's log is a sorted set of its newest admissions: member = token, score = a time (µs) that the start does
-- not exceed. At admission that is now + `within`: a token that is admitted starts by then, or not at all. A report, sent
-- after the start, lowers the score to the time at which the report arrives, less the time that has certainly passed since
-- the start (`started`). A late, lost or repeated report lowers the rate, but never breaks the limit. An admission at a time
-- t needs fewer than `max` scores above t - per.
--
-- Proof. Suppose that max + 1 starts lie within less than `per`, and that the last of them to be admitted was admitted at t.
-- It starts at t or later, so the other starts, and with them their scores, are above t - per. All of those are in the log,
-- as an admission removes only scores that are not above its own time - per. So there are `max` scores above t - per, and
-- the last one was not admitted, which contradicts the assumption.
--
-- Where the server's clock is set back, the scores are only later than necessary. Where it is set forward, that cannot be
-- distinguished from time that has passed.
--
-- requires: reply_of
-- What it defines; times and lengths are in µs:
--   started(name, token, now)           the report: the admitted token has started before now
--   release(name, token)                the admitted token will certainly not start; whether it was in the log
--   limits()                            all else, in a table:
--     START_WITHIN                        how long after its admission a start may come, at most
--     declare(name, max, per, lost, now)  registers a limiter, and returns it
--     of_queue(queue, declared, now)      the limiter of a queue, or nil; called only where the queue holds a job
--     named(name)                         the limiter of that name, or nil
--     wait_us(limiter, now [, place])     0, or how long until a start is admitted (behind `place` others) if no report arrives,
--                                         and how long until it makes sense to try again, as reports usually arrive at once
--     closed_us(limiter, now)             for how long somebody has closed it: no start is admitted, and nobody waits in line
--     admit(limiter, token, now [, within])   only after wait_us has returned 0 in the same script
--     moment(limiter)                     how much time may pass between the last look at a clock and a start
--     place_in_line(limiter, token, now, patience)   how many tokens are before it in the line, and whether it is in the line
--     join_line(limiter, token, now, wait)           for a token that has to wait
--     leave_line(limiter, token)

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function exact(number)
  return string.format('%.0f', number)
end

local function started(name, token, now)
  reply_of('ZADD', keys.limit_log(name), 'XX', 'LT', exact(now), token)
end

local function release(name, token)
  return redis.call('ZREM', keys.limit_log(name), token) == 1
end

-- A script makes its functions anew at each call: most calls of most scripts need none of these.
local function limits()
  local START_WITHIN = 5000000
  local LEAP = 1000000
  local LONGEST_CLOSED = 30 * 86400000000
  local MOMENTS, BRIEFEST = 500, 2000 -- `moment`: so many in a window, so each lowers the rate by 1/500; its least length

  -- Within the bounds of qtui_workers.define.limit.Limit: a person may have written anything into the hash.
  local function within_bounds(max, per)
    return max and per and max >= 1 and max <= 10000 and per >= 10000 and per <= 86400000000
  end

  local function limiter_named(name)
    local hash = keys.limit(name)
    local fields = redis.call('HMGET', hash, 'max', 'per_us', 'server', 'open_at', 'closed_until')
    local max, per = tonumber(fields[1]), tonumber(fields[2])
    if not within_bounds(max, per) then
      return nil
    end
    return {
      name = name, hash = hash, log = keys.limit_log(name), waiting = keys.limit_waiting(name),
      max = math.floor(max), per = per, server = fields[3], open_at = tonumber(fields[4]) or 0,
      closed_until = tonumber(fields[5]) or 0,
    }
  end

  -- Registers a limiter, unless it exists: a limit that was changed since stays changed until another limit is declared.
  -- `lost`: the limiter is known to have existed. What it had admitted is not known then, so it stays closed for a window.
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

  -- `declared` is '' or JSON [name, max, per] of a limit that this worker has registered: where it is missing, it was lost.
  local function limit_for(queue, declared, now)
    local name = redis.call('HGET', keys.LIMITS, queue)
    local limiter = name and limiter_named(name)
    if limiter or not declared or declared == '' then
      return limiter or name and { unknown = true } or nil
    end
    local lost = cjson.decode(declared)
    redis.call('HSET', keys.LIMITS, queue, lost[1])
    return declare(lost[1], exact(lost[2]), exact(lost[3]), true, now)
  end

  -- The score that is next after the `place` newest, or nil.
  local function score_at(limiter, place)
    return tonumber(redis.call('ZREVRANGE', limiter.log, place, place, 'WITHSCORES')[2])
  end

  -- How long until a slot is free for a token behind `place` others, if each of them takes a slot as soon as it can; and the
  -- same if all tokens whose start is not reported yet have started by now.
  local function free_in(limiter, now, place)
    local windows = math.floor(place / limiter.max) * limiter.per
    local score = score_at(limiter, limiter.max - 1 - place % limiter.max)
    local ends = score and score + limiter.per or 0
    return math.max(0, ends - now) + windows, math.max(0, math.min(ends - now, limiter.per)) + windows
  end

  -- A score so far ahead shows that the clock was set back. The scores are then set back too, as a limiter must not stay
  -- closed until the clock has caught up. They move by no more than the clock has moved, so that no start exceeds its score.
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

  -- When a limiter may open on a server process on which it has not been used yet.
  -- A process that began after the last admission has restored the log from disk. An append-only file holds all of it; anything
  -- else may lack the newest entries, so the log counts as full at the time at which the process began. A process that began
  -- before that is a replica that was made primary, which may lack the newest entries whatever it writes to disk. A loss of
  -- power cannot be recognized here: unless `appendfsync always` is set, the last second or two of the file are missing after
  -- it. Staying closed for a window at every restart because of that would stop a limit per day for a day.
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

  -- A person may have written anything into the hash: what no closing can be counts as none.
  local function closed_us(limiter, now)
    local closed = limiter.closed_until - now
    return closed > 0 and closed <= LONGEST_CLOSED and closed or 0
  end

  local function wait_us(limiter, now, place)
    if limiter.unknown then
      return LEAP, LEAP
    end
    local closed = closed_us(limiter, now)
    if closed > 0 then
      return closed, closed
    end
    follow_clock(limiter, now)
    local wait, usually = free_in(limiter, now, place or 0)
    if wait > 0 then
      return wait, usually
    end
    local hold = hold_us(limiter, now)
    return hold, hold
  end

  -- The line of a limiter is a sorted set of the tokens that wait, in order of arrival. The score of a token is the time at which
  -- it should try again: that of its own slot, so that a free slot wakes only a few. A token that does not try again is removed.
  local function place_in_line(limiter, token, now, patience)
    redis.call('ZREMRANGEBYSCORE', limiter.waiting, '-inf', exact(now - patience))
    local rank = redis.call('ZRANK', limiter.waiting, token)
    return rank or redis.call('ZCARD', limiter.waiting), rank and true
  end

  local function join_line(limiter, token, now, wait)
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

  -- How much time may pass between the last look at a clock and a start that is not reported: the system may make a process
  -- wait exactly there.
  local function moment(limiter)
    return math.max(BRIEFEST, math.floor(limiter.per / MOMENTS))
  end

  return {
    START_WITHIN = START_WITHIN, declare = declare, of_queue = limit_for, named = limiter_named, wait_us = wait_us,
    closed_us = closed_us, admit = admit, moment = moment, place_in_line = place_in_line, join_line = join_line,
    leave_line = leave_line,
  }
end
