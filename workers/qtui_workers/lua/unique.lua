-- One job per content: for each processor, a hash of the digests of contents, each with the id of the newest job that has it.
-- Whether that job is still to end is read from its record, so that nothing has to be written where jobs end: in our worker, in
-- a stock one, by a person, or by expiring.
-- requires: reply_of

local CHECKED = 3

local function is_open(id, digest)
  local fields = reply_of('HMGET', keys.job(id), 'status', keys.FIELD_UNIQUE) or {}
  return fields[1] and fields[2] == digest and not statuses.ended[fields[1]] and fields[1]
end

-- open_job(processor, digest): the id and the status of the job of that content that has not ended; nil where there is none
local function open_job(processor, digest)
  local id = redis.call('HGET', keys.unique(processor), digest)
  local status = id and is_open(id, digest)
  if status then
    return id, status
  end
end

-- note_content(processor, digest, id): from now on, that job has the content. Each call adds one entry at most, and removes up
-- to three whose job has ended, so that not many of these are left.
local function note_content(processor, digest, id)
  local unique = keys.unique(processor)
  redis.call('HSET', unique, digest, id)
  local some = redis.call('HRANDFIELD', unique, CHECKED, 'WITHVALUES')
  for n = 1, #some, 2 do
    if some[n] ~= digest and not is_open(some[n + 1], some[n]) then
      redis.call('HDEL', unique, some[n])
    end
  end
end
