-- What all operations on jobs share. The script of an operation defines check(job) and apply(job), and ends with
--   return each(check, apply)
-- check returns why a job is left as it is, or nil and perhaps a note. It tests everything that could make apply fail, because
-- the writes of a script that fails half way are not undone.
-- requires: leave, reply_of, format, tally
-- arguments: spec, mode, queue, status
-- `spec` is JSON: {allowed (a set of statuses), parameter, risk, error (the operation's own, where it has them)}. `mode`: 'plan'
-- (only read) or 'run'. `queue`, `status`: those of the selected list, '' if single jobs were chosen. Positional arguments:
-- the ids.

check_format()
local spec = cjson.decode(args.spec)
local mode, chosen_queue, chosen_status = args.mode, args.queue, args.status

local FIELDS = {
  'status', 'origin', 'ttl', 'group_id', 'rate_limit_key', 'rate_limit_concurrency', keys.FIELD_ATTEMPTS,
}
local TIMES = { 'ended_at', 'enqueued_at', 'created_at' }
for _, name in ipairs(mode == 'plan' and TIMES or {}) do
  FIELDS[#FIELDS + 1] = name
end

-- a job is {id, key, its fields by name ('' where missing), damaged = 'gone' | 'type' | nil}
local function read(id)
  local job = { id = id, key = keys.job(id) }
  local values = reply_of('HMGET', job.key, unpack(FIELDS))
  if not values then
    job.damaged, values = 'type', {}
  elseif not values[1] and redis.call('EXISTS', job.key) == 0 then
    job.damaged = 'gone'
  end
  for i, name in ipairs(FIELDS) do
    job[name] = values[i] or ''
  end
  return job
end

-- Makes a function that says whether any job of the chunk has one of some keys, each made from its id: asked once for all.
local function in_chunk(makers)
  local some
  return function()
    if some == nil then
      local all = {}
      for _, make in ipairs(makers) do
        for at = FIRST, #ARGV do
          all[#all + 1] = make(ARGV[at])
        end
      end
      some = redis.call('EXISTS', unpack(all)) > 0
    end
    return some
  end
end

-- why a job is left as it is whatever the operation: its hash cannot be read, or it is not in the chosen queue
local function misfit(job)
  if job.damaged then
    return job.damaged == 'gone' and 'the job is gone' or "the job's key is not a hash"
  end
  if job.origin == '' then
    return 'the job names no queue'
  end
  if chosen_queue ~= '' and job.origin ~= chosen_queue then
    return 'it belongs to another queue'
  end
end

-- a status as it is shown to people
local function said(status)
  return (string.gsub(status, '_', ' '))
end

-- whether there is such a status at all
local function known(status)
  return statuses.place[status] ~= nil
end

-- At which end LREM begins to search: a whole list is processed from its head on, single chosen jobs are often among the newest.
local END = chosen_queue ~= '' and 1 or -1

local origins, in_origin = {}, {}
local oldest, newest = '', ''

local function note_queue(name)
  if not in_origin[name] then
    in_origin[name] = 0
    origins[#origins + 1] = name
  end
  in_origin[name] = in_origin[name] + 1
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

-- Calls check, and in mode 'run' also apply, for each id. Returns {done, skipped, {reason, number…}, oldest and newest time
-- of the jobs that would be changed, as RQ writes times, {reason, id…} of some that are left as they are, {queue, number…} of
-- those that would be changed}.
local function each_even_damaged(check, apply)
  local done, skipped = 0, 0
  for at = FIRST, #ARGV do
    local job = read(ARGV[at])
    local reason, notice = check(job)
    if not reason and mode == 'run' then
      reason = apply(job)
    end
    if reason then
      skipped = skipped + 1
      note(reason, job.id)
    else
      done = done + 1
      if notice then
        note(notice)
      end
      if mode == 'plan' then
        note_time(job)
        note_queue(job.origin)
      end
    end
  end
  return { done, skipped, flat(reasons, tally), oldest, newest, named, flat(origins, in_origin) }
end

-- The same for jobs whose hash can be read and that are in the chosen queue: all others are left as they are.
local function each(check, apply)
  return each_even_damaged(function(job)
    local reason = misfit(job)
    if reason then
      return reason
    end
    return check(job)
  end, apply)
end
