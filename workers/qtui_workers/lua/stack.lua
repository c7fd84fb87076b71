-- Writes the Python stack of a running job into its log, and the answer for whoever has asked for it.
-- arguments: id, requests, answer, kept, level, cap, ttl, at
-- `requests`: the marks of those who asked, with blanks between them; the answer is kept for `kept` seconds. `cap` and `ttl`
-- (seconds) are those of the log stream. Unnamed: the lines.

for request in string.gmatch(args.requests, '%x+') do
  redis.call('SET', keys.stack(request), args.answer, 'EX', args.kept)
end
if #ARGV < FIRST or redis.call('EXISTS', keys.job(args.id)) == 0 then
  return
end
local log = keys.log(args.id)
for i = FIRST, #ARGV do
  redis.call('XADD', log, 'MAXLEN', '~', args.cap, '*', 'level', args.level, 'text', ARGV[i], 'at', args.at)
end
redis.call('EXPIRE', log, args.ttl)
