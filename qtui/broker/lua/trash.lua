-- What is put into the trash of a removed job, so that it can be put back as it was (`undo.lua`): its keys are renamed, which
-- needs no memory, and where it stood is written down. A key that would outlast the trash expires with it.
-- A record is {id, {expiry by part…}, place…}, and at: its index, where it stood in a queue. A chunk of records is packed.
--   part     the place of a key in parts_of(id)
--   expiry   -1: the key had none; 0: it still has its own; else when it was to expire (ms of the server's clock)
--   place    {'queue', name, index, id behind it, id before it} | {kind of registry, name, score} | {'group', name} |
--            {'slot', name of the rate limit, score}
-- requires: reply_of, time
-- In what follows `trash` is {batch, seconds, about} (`remove.lua`).

local EXECUTIONS = 6

-- the keys of a job; the first ones are those that most jobs have
local OFTEN = { keys.job, keys.results }
local RARELY = { keys.dependents, keys.dependencies, keys.log, keys.executions }

local function parts_of(id)
  local parts = {}
  for _, makers in ipairs({ OFTEN, RARELY }) do
    for _, make in ipairs(makers) do
      parts[#parts + 1] = make(id)
    end
  end
  return parts
end

local seconds -- as text, which a command takes faster than a number

local function put_part(key, part, record, trash)
  seconds = seconds or tostring(trash.seconds)
  local ttl = redis.call('PTTL', key)
  if ttl == -2 then
    return
  end
  local name, expiry = keys.trashed(trash.batch, key), -1
  redis.call('RENAME', key, name)
  if ttl >= 0 then
    expiry = ttl > trash.seconds * 1000 and SECONDS * 1000 + math.floor(MICROS / 1000) + ttl or 0
  end
  if expiry ~= 0 then
    redis.call('EXPIRE', name, seconds)
  end
  record[2][tostring(part)] = tostring(expiry)
end

-- `parts`: those that the job may have
local function put_away(parts, record, trash)
  for part = 1, EXECUTIONS do
    if parts[part] then
      put_part(parts[part], part, record, trash)
    end
  end
end

-- Forgets a batch of which nothing is left in the trash, and no job still has to be brought to its place.
local function close(batch)
  local about = keys.trash_about(batch)
  if (tonumber(redis.call('HGET', about, 'jobs')) or 0) <= 0 and redis.call('EXISTS', keys.trash_places(batch)) == 0 then
    redis.call('UNLINK', about, keys.trash(batch), keys.trash_walk(batch))
    redis.call('ZREM', keys.TRASH, batch)
  end
end

local function by_place(a, b)
  return (a.at or -1) < (b.at or -1)
end

-- Writes down what is in the trash now. Jobs of one queue are put back in the reverse of the order in which they stood there.
local function note_trash(records, trash)
  local sorted = true
  for i = 2, #records do
    sorted = sorted and not by_place(records[i], records[i - 1])
  end
  if not sorted then
    table.sort(records, by_place)
  end
  for _, record in ipairs(records) do
    record.at = nil
  end
  local batch = trash.batch
  local chunks, about = keys.trash(batch), keys.trash_about(batch)
  redis.call('RPUSH', chunks, cmsgpack.pack(records))
  redis.call('HSETNX', about, 'about', trash.about)
  redis.call('HINCRBY', about, 'jobs', #records)
  redis.call('EXPIRE', chunks, seconds)
  redis.call('EXPIRE', about, seconds)
  redis.call('ZREMRANGEBYSCORE', keys.TRASH, '-inf', SECONDS - trash.seconds)
  redis.call('ZADD', keys.TRASH, string.format('%.6f', SECONDS + MICROS / 1000000), batch)
end
