-- Removes jobs of a batch that is not to be enqueued, at most `most` at a time, so that the server is held only briefly.
-- Returns how many are left.
-- arguments: batch, most

local staged = keys.staged(args.batch)
for _, id in ipairs(redis.call('LPOP', staged, args.most) or {}) do
  redis.call('UNLINK', keys.job(id))
end
local left = redis.call('LLEN', staged)
if left == 0 then
  redis.call('ZREM', keys.STAGED, args.batch)
end
return left
