-- Takes, renews or gives up the lead of cron jobs: only the process that leads a cron job enqueues its jobs.
-- Returns the server's time in ms, then for each cron job: 1 where the calling process leads it (else 0), its last tick or
-- the time it was registered, when it was last enqueued (seconds or nothing), ms until the lead ends.
-- requires: format
-- arguments: token, lasts, registering, kept, since
-- `token`: the calling process. `lasts`: ms of a lead, 0 to give it up. `registering`: 1 where the schedules are being
-- registered. `kept`: seconds for which a cron job is remembered. `since`: the time from which a new schedule counts, in
-- seconds, '' for the server's time. Unnamed: for each cron job its name and its schedule as text.

check_format()
local token, lasts = args.token, tonumber(args.lasts)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = { string.format('%.0f', now) }

for at = FIRST, #ARGV, 2 do
  local key, schedule = keys.cron(ARGV[at]), ARGV[at + 1]
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
  elseif mine or left <= 0 or (changed and args.registering == '1') then
    if changed then
      redis.call('HSET', key, 'schedule', schedule, 'last', args.since ~= '' and args.since or time[1])
    end
    redis.call('HSET', key, 'owner', token, 'until', string.format('%.0f', now + lasts))
    redis.call('EXPIRE', key, args.kept)
    mine, left = true, lasts
  end
  local last, enqueued = unpack(redis.call('HMGET', key, 'last', 'enqueued'))
  answer[#answer + 1] = { mine and 1 or 0, last, enqueued, math.ceil(left) }
end
return answer
