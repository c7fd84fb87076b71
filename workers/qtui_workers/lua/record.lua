-- Writes progress and log lines of a job, unless the job is gone: what was removed must not come back.
-- Follows event.lua.
-- KEYS: the job's hash, its log stream, the stream of events
-- ARGV: the progress field, progress as JSON or '', the log stream's cap, its seconds to live, the details of a progress
--       event or '', the cap of the events, then job, queue, call, worker, attempt as event() takes them,
--       then level, text, at of each line
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
if ARGV[2] ~= '' then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
if ARGV[5] ~= '' then
    event(KEYS[3], ARGV[6], 'progress', ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[5])
end
for i = 12, #ARGV, 3 do
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'level', ARGV[i], 'text', ARGV[i + 1], 'at', ARGV[i + 2])
end
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1
