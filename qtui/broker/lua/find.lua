-- Which jobs of a block of a sorted set have a status.
-- Returns their ids, newest first.
-- arguments: place, first, last, status, queue
-- `place`: the key. `first`, `last`: ranks, 0 is the newest. `queue`: the queue of the jobs, '' for any.

local ids = redis.pcall('ZREVRANGE', args.place, args.first, args.last)
local found = {}
if ids.err then
  return found
end
for _, id in ipairs(ids) do
  local values = redis.pcall('HMGET', keys.job(id), 'status', 'origin')
  if values[1] == args.status and (args.queue == '' or values[2] == args.queue) then
    found[#found + 1] = id
  end
end
return found
