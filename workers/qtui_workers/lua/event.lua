-- event(): one entry in the common stream of events (`keys.EVENTS`).
--
--   event(cap, kind, job, queue, call, worker, attempt, details)
--     cap      how many entries are kept, about
--     kind     one of `qtui_workers.reporting.events.EventKind`
--     job, queue, worker, attempt   '' or nil where there is none
--     call     the function's name, or the job's description, of which all before the first '(' is its name
--     details  a JSON object as text (`qtui_workers.reporting.events.packed`, or cjson.encode of a table), '' or nil for none
--
-- It never raises: what happens to a job matters more than its event. Every entry has the same fields in the same order,
-- which a stream stores only once a node. The time is that of the entry's id, by the server's clock.

local function event(cap, kind, job, queue, call, worker, attempt, details)
  local function text(value)
    return string.sub(tostring(value or ''), 1, 200)
  end
  if not details or #details > 2000 then
    details = ''
  end
  redis.pcall('XADD', keys.EVENTS, 'MAXLEN', '~', cap, '*', 'event', kind, 'job', text(job), 'queue', text(queue), 'function',
    string.match(text(call), '^[^(]*'), 'worker', text(worker), 'attempt', text(attempt), 'details', details)
end
