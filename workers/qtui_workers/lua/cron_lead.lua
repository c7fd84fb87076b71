-- Takes, renews or gives up the lead of cron jobs: for each, whoever leads it is the only one to enqueue it.
-- Returns the server's time in ms, then of each: 1 where it leads (else 0), its last tick or the time it was registered,
-- when it last was enqueued (seconds or nothing), ms that the lead lasts.
-- arguments: token, lasts, registering, kept, since
-- `token`: who wants to lead. `lasts`: ms of a lead, 0 to give it up. `registering`: 1 where the schedules are being
-- registered. `kept`: seconds that a cron job is remembered for. `since`: the time from when on a new schedule counts, in
-- seconds, '' for the server's. Unnamed: of each cron job its name and its schedule as text.

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
