-- Defines event(), for the scripts that this text is put in front of: one entry in the common stream of events.
--
--   event(stream, cap, kind, job, queue, call, worker, attempt, details)
--     stream   its key (`keys.EVENTS`), which the script gets among its KEYS
--     cap      how many entries are kept, about
--     kind     one of `qtui_workers.reporting.events.EventKind`
--     job, queue, worker, attempt   '' or nil where there is none
--     call     the function's name, or the job's description, of which all before the first '(' is its name
--     details  a JSON object as text (`qtui_workers.reporting.events.packed`, or cjson.encode of a table), '' or nil for none
--
-- It never raises: what happens to a job matters, what is told of it less. Every entry has the same fields in the same
-- order, which a stream stores only once a node. The time is that of the entry's id, by the server's clock.
local function event(stream, cap, kind, job, queue, call, worker, attempt, details)
    local function text(value)
        return string.sub(tostring(value or ''), 1, 200)
    end
    local told = details or ''
    if #told > 2000 then
        told = ''
    end
    redis.pcall('XADD', stream, 'MAXLEN', '~', cap, '*', 'event', kind, 'job', text(job), 'queue', text(queue), 'function',
        string.match(text(call), '^[^(]*'), 'worker', text(worker), 'attempt', text(attempt), 'details', told)
end
