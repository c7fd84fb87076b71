-- Which jobs of a block of a sorted set have a status.
-- Returns their ids, newest first.
-- requires: reply_of
-- arguments: place, first, last, status, queue
-- `place`: the key. `first`, `last`: ranks, 0 is the newest. `queue`: the queue of the jobs, '' for any.

local found = {}
for _, id in ipairs(reply_of('ZREVRANGE', args.place, args.first, args.last) or {}) do
  local values = reply_of('HMGET', keys.job(id), 'status', 'origin') or {}
  if values[1] == args.status and (args.queue == '' or values[2] == args.queue) then
    found[#found + 1] = id
  end
end
return found
