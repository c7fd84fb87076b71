-- Writes the records of jobs and puts their ids where they belong, in one step.
-- Returns how many jobs it has written.
-- requires: put, format
-- arguments: batch, place, queue, score, step, which, shared, own
-- `place`: the list or sorted set that takes the ids, where `batch` is ''; else they wait in the batch's own list.
-- `score`: '' for a list. `step`: seconds from one score to the next. `which`: 'new' (the ids are random), 'over' (jobs of
-- these ids are replaced) or 'unique' (they are refused). Unnamed: the names and values of the fields that all jobs share
-- (`shared` in number); the names of the fields that differ (`own` in number); then for each job its id and its values of
-- these, of which the second is its description.

keep_format()
local shared, own = tonumber(args.shared), tonumber(args.own)
local fields = { unpack(ARGV, FIRST, FIRST + shared - 1) }
local first_job = FIRST + shared + own
for n = 1, own do
  fields[shared + 2 * n - 1] = ARGV[FIRST + shared + n - 1]
end

if args.batch == '' then
  prepare(args.place, args.score, args.queue)
end
local ids = {}
for start = first_job, #ARGV, own + 1 do
  local id = ARGV[start]
  local job = keys.job(id)
  for n = 1, own do
    fields[shared + 2 * n] = ARGV[start + n]
  end
  if args.which == 'unique' and redis.call('EXISTS', job) == 1 then
    return 0
  elseif args.which == 'over' then
    redis.call('UNLINK', job, keys.results(id), keys.log(id))
  end
  -- no field is new where this call repeats an earlier one whose reply was lost
  if redis.call('HSET', job, unpack(fields)) > 0 then
    ids[#ids + 1] = id
  end
end

if #ids == 0 then
  return 0
end
if args.batch ~= '' then
  redis.call('RPUSH', keys.staged(args.batch), unpack(ids))
  redis.call('ZADD', keys.STAGED, redis.call('TIME')[1], args.batch)
  return #ids
end
put(args.place, args.score, args.step, ids)
if args.score == '' then
  queued(args.queue, #ids, ids[1], fields[shared + 4])
end
return #ids
