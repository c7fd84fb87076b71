-- Runs check, and in 'run' apply, for each id. Gives {done, skipped, {reason, number…}, processor time in µs,
-- oldest and newest time of what would be done, as RQ writes times}.

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

local function note_time(job)
  for _, name in ipairs(TIMES) do
    local text = job[name]
    if string.match(text, '^%d%d%d%d%-%d%d%-%d%dT') then
      oldest = (oldest == '' or text < oldest) and text or oldest
      newest = text > newest and text or newest
      return
    end
  end
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
    if mode == 'plan' then
      note_time(job)
    end
  end
end

local flat = {}
for _, reason in ipairs(reasons) do
  flat[#flat + 1] = reason
  flat[#flat + 1] = tally[reason]
end
return { done, skipped, flat, math.floor((os.clock() - began) * 1e6), oldest, newest }
