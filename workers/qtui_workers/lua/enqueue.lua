-- Writes the records of jobs and puts their ids where they belong, in one step.
-- Returns how many jobs it has written; where jobs are unique by their content, for each of them the id and the status of the
-- job that has it, which may be an older one.
-- requires: put, unique, format
-- arguments: batch, place, queue, score, step, which, shared, own, processor
-- `place`: the list or sorted set that takes the ids, where `batch` is ''; else they wait in the batch's own list.
-- `score`: '' for a list. `step`: seconds from one score to the next. `which`: 'new' (the ids are random), 'over' (jobs of
-- these ids are replaced) or 'unique' (they are refused). `processor`: '' for none; else jobs of that processor are unique by
-- their content: the last of the fields that differ is a digest of it ('' for none), and while a job with the same one has not
-- ended, there is no other.
-- Unnamed: the names and values of the fields that all jobs share (`shared` in number); the names of the fields that differ
-- (`own` in number); then for each job its id and its values of these, of which the second is its description.

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
local by_content = args.processor ~= ''
local ids, answer = {}, {}

-- the job of the same content that has not ended, if there is one, and its status; else notes that this one has the content
local function older(id, digest)
  if digest == '' then
    return nil
  end
  local other, status = open_job(args.processor, digest)
  if not other then
    note_content(args.processor, digest, id)
  end
  return other, status
end

for start = first_job, #ARGV, own + 1 do
  local id = ARGV[start]
  local job = keys.job(id)
  for n = 1, own do
    fields[shared + 2 * n] = ARGV[start + n]
  end
  local other, status
  if by_content then
    other, status = older(id, ARGV[start + own])
    answer[#answer + 1], answer[#answer + 2] = other or id, status or ''
  end
  if args.which == 'unique' and redis.call('EXISTS', job) == 1 then
    return 0
  elseif args.which == 'over' and not other then
    redis.call('UNLINK', job, keys.results(id), keys.log(id))
  end
  -- no field is new where this call repeats an earlier one whose reply was lost
  if not other and redis.call('HSET', job, unpack(fields)) > 0 then
    ids[#ids + 1] = id
  end
end

local written = by_content and answer or #ids
if #ids == 0 then
  return written
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
return written
