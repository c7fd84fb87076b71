-- Writes progress and log lines of a job, unless the job is gone: what was removed must not come back.
-- KEYS: the job's hash, its log stream
-- ARGV: the progress field, progress as JSON or '', the cap of the stream, its seconds to live, then level, text, at of each line
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
if ARGV[2] ~= '' then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
for i = 5, #ARGV, 3 do
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'level', ARGV[i], 'text', ARGV[i + 1], 'at', ARGV[i + 2])
end
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1
