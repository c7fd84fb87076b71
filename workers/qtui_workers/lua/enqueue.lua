-- Writes the records of jobs and puts their ids where they belong, in one step; after event.lua and put.lua.
-- KEYS: the list or sorted set that takes the ids; for a part of a batch its list, and the set of batches
-- ARGV: batch or ''; queue; score or ''; seconds from one score to the next; 'new' (the ids are random), 'over' (jobs of
-- these ids are replaced) or 'unique' (they are refused); how many shared names and values, these; how many own fields,
-- their names; then of each job its id and its own values, the second one its description
-- Returns how many jobs came of it

local batch, queue, score, step, which = unpack(ARGV, 1, 5)
local shared = tonumber(ARGV[6])
local fields = { unpack(ARGV, 7, 6 + shared) }
local own = tonumber(ARGV[7 + shared])
for n = 1, own do
  fields[shared + 2 * n - 1] = ARGV[7 + shared + n]
end

if batch == '' then
  prepare(KEYS[1], score, queue)
end
local ids = {}
for start = 8 + shared + own, #ARGV, own + 1 do
  local id = ARGV[start]
  local job = RQ .. ':job:' .. id
  for n = 1, own do
    fields[shared + 2 * n] = ARGV[start + n]
  end
  if which == 'unique' and redis.call('EXISTS', job) == 1 then
    return 0
  elseif which == 'over' then
    redis.call('UNLINK', job, RQ .. ':results:' .. id, OURS .. ':log:' .. id)
  end
  -- no field is new where the answer to an earlier call was lost, and this is that call again
  if redis.call('HSET', job, unpack(fields)) > 0 then
    ids[#ids + 1] = id
  end
end

if #ids == 0 then
  return 0
end
if batch ~= '' then
  redis.call('RPUSH', KEYS[1], unpack(ids))
  redis.call('ZADD', KEYS[2], redis.call('TIME')[1], batch)
  return #ids
end
put(KEYS[1], score, step, ids)
if score == '' then
  queued(queue, #ids, ids[1], fields[shared + 4])
end
return #ids
