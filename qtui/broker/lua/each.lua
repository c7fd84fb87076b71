-- Runs check, and in 'run' apply, for each id. Gives {done, skipped, {reason, number…}, processor time in µs,
-- oldest and newest time of what is done, as RQ writes times}.

local began = os.clock()
local done, skipped, tally, reasons = 0, 0, {}, {}
local oldest, newest = '', ''

local function note(reason)
  if not tally[reason] then
    tally[reason] = 0
    reasons[#reasons + 1] = reason
  end
  tally[reason] = tally[reason] + 1
end

local function first_time(...)
  for _, text in ipairs({ ... }) do
    if string.match(text, '^%d%d%d%d%-%d%d%-%d%dT') then
      return text
    end
  end
  return ''
end

for i = 5, #ARGV do
  local job = read(ARGV[i])
  local reason, notice = check(job)
  if not reason and mode == 'run' then
    reason = apply(job)
  end
  if reason then
    skipped = skipped + 1
    note(reason)
  else
    done = done + 1
    if notice then
      note(notice)
    end
    local time = first_time(job.ended_at, job.enqueued_at, job.created_at)
    if time ~= '' then
      oldest = (oldest == '' or time < oldest) and time or oldest
      newest = time > newest and time or newest
    end
  end
end

local flat = {}
for _, reason in ipairs(reasons) do
  flat[#flat + 1] = reason
  flat[#flat + 1] = tally[reason]
end
return { done, skipped, flat, math.floor((os.clock() - began) * 1e6), oldest, newest }
