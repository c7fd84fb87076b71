-- Takes, renews or gives up the lead of cron jobs: for each, whoever leads it is the only one to enqueue it.
-- KEYS: the cron jobs
-- ARGV: who asks (a token); ms that a lead lasts, 0 to give it up; 1 where the schedules are being registered; the seconds
-- that a cron job is remembered for; the time from when on a new schedule counts, in seconds, '' for the server's;
-- then the schedule of each as text
-- Returns the server's time in ms, then of each: 1 where it leads (else 0), its last tick or the time it was registered,
-- when it last was enqueued (seconds or nothing), ms that the lead lasts

local token, lasts, registering, kept, from = unpack(ARGV, 1, 5)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
lasts = tonumber(lasts)
local answer = { string.format('%.0f', now) }

for n, key in ipairs(KEYS) do
  local schedule = ARGV[5 + n]
  local owner, till, known = unpack(redis.call('HMGET', key, 'owner', 'until', 'schedule'))
  local left = (tonumber(till) or 0) - now
  if lasts > 0 and left > lasts + 1000 then
    left = 0 -- given by a server whose clock was ahead
  end
  local changed = known ~= schedule
  local mine = owner == token and left > 0 and not changed
  if lasts == 0 then
    if owner == token then
      redis.call('HDEL', key, 'owner', 'until')
    end
    mine, left = false, 0
  elseif mine or left <= 0 or (changed and registering == '1') then
    if changed then
      redis.call('HSET', key, 'schedule', schedule, 'last', from ~= '' and from or time[1])
    end
    redis.call('HSET', key, 'owner', token, 'until', string.format('%.0f', now + lasts))
    redis.call('EXPIRE', key, kept)
    mine, left = true, lasts
  end
  local last, enqueued = unpack(redis.call('HMGET', key, 'last', 'enqueued'))
  answer[n + 1] = { mine and 1 or 0, last, enqueued, math.ceil(left) }
end
return answer
