-- Removes jobs of a batch that is not to be enqueued, some at a time, so that the server is held only briefly.
-- KEYS: the batch's list, the set of batches
-- ARGV: batch, how many jobs at most
-- Returns how many are left

local ids = redis.call('LPOP', KEYS[1], ARGV[2]) or {}
for _, id in ipairs(ids) do
  redis.call('UNLINK', RQ .. ':job:' .. id)
end
local left = redis.call('LLEN', KEYS[1])
if left == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return left
