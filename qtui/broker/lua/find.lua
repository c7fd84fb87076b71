-- Which jobs of a block of a sorted set have a status.
-- KEYS[1] the sorted set. ARGV[1] first rank (0 is the newest), [2] last rank, [3] prefix of job keys, [4] status,
-- [5] the queue they come from ('' for any). Gives their ids, newest first.

local ids = redis.pcall('ZREVRANGE', KEYS[1], ARGV[1], ARGV[2])
local found = {}
if ids.err then
  return found
end
for _, id in ipairs(ids) do
  local values = redis.pcall('HMGET', ARGV[3] .. id, 'status', 'origin')
  if values[1] == ARGV[4] and (ARGV[5] == '' or values[2] == ARGV[5]) then
    found[#found + 1] = id
  end
end
return found
