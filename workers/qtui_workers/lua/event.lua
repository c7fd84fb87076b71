-- event(): one entry in the common stream of events (`keys.EVENTS`).
--
--   event(cap, kind, job, queue, call, worker, attempt, details)
--     cap      about how many entries are kept
--     kind     one of `qtui_workers.reporting.events.EventKind`
--     job, queue, worker, attempt   '' or nil where there is none
--     call     the function's name, or the job's description, which begins with that name, up to its first '('
--     details  a JSON object as text (`qtui_workers.reporting.events.packed`, or cjson.encode of a table), '' or nil for none
--
-- It never raises: what happens to a job matters more than its event. Every entry has the same fields in the same order, so
-- that a stream stores their names only once for each of its nodes. The time is that of the entry's id, by the server's clock.

local function brief(value)
  return type(value) == 'string' and #value > 200 and string.sub(value, 1, 200) or value or ''
end

local function event(cap, kind, job, queue, call, worker, attempt, details)
  if not details or #details > 2000 then
    details = ''
  end
  redis.pcall('XADD', keys.EVENTS, 'MAXLEN', '~', cap, '*', 'event', kind, 'job', brief(job), 'queue', brief(queue), 'function',
    string.match(brief(call), '^[^(]*'), 'worker', brief(worker), 'attempt', brief(attempt), 'details', details)
end
