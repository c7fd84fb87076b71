-- Puts removed jobs back as they were: their keys with their expiry, and their places, in reverse order of the removal.
-- In a queue a job goes before the one that it stood before; where that one no longer waits, those ahead of it do not either, and
-- it goes to the head. A job that cannot be put back stays in the trash.
-- Returns the same as an operation (`operation.lua`). Of jobs that still have to go to their place in a queue from its head
-- queue, id, side and other are written down (the sides: `queue_positions.py`), until `placed.lua` says that this was done.
-- requires: leave, format, trash, tally
-- arguments: batch, most, aside
-- `most`: how many jobs; with 0 nothing is written. `aside`: '1' if jobs of a queue are put at its head first.

check_format()
local chunks, about = keys.trash(args.batch), keys.trash_about(args.batch)
local AGAIN = 'a job with this id exists again'
local OVER = 'its time to be kept is over'
local TYPE = 'a key has the wrong type'
local WAITED = 'put back as deferred, though what it waits for has ended: it will not run by itself'
local SLOTLESS = 'put back to wait for its rate limit, as its place was taken'

local function place_key(place)
  if place[1] == 'queue' then
    return keys.queue(place[2]), 'list'
  elseif place[1] == 'group' then
    return keys.group(place[2]), 'set'
  elseif place[1] == 'slot' then
    return keys.rate_limit_allowed(place[2]), 'zset'
  end
  return keys.registry(place[1], place[2]), 'zset'
end

local function check(record, parts)
  if record[2]['1'] and redis.call('EXISTS', parts[1]) == 1 then
    return AGAIN
  end
  for i = 3, #record do
    local key, kind = place_key(record[i])
    if not fits(key, kind) or not fits(keys.QUEUES, 'set') or (record[i][1] == 'slot' and not limit_fits(record[i][2])) then
      return TYPE
    end
  end
end

local function bring_part(key, expiry)
  local name = keys.trashed(args.batch, key)
  if redis.call('EXISTS', name) == 0 then
    return
  end
  if redis.call('EXISTS', key) == 1 then
    if redis.call('TYPE', key).ok == 'set' and redis.call('TYPE', name).ok == 'set' then
      redis.call('SUNIONSTORE', key, key, name) -- jobs that wait for it since
    end
    redis.call('UNLINK', name)
    return
  end
  redis.call('RENAME', name, key)
  if expiry == '-1' then
    redis.call('PERSIST', key)
  elseif expiry ~= '0' then
    redis.call('PEXPIREAT', key, expiry)
  end
end

local aside, newest = {}, {} -- `newest`: the job of each queue that was put aside last

local function put_aside(queue, id, behind, before)
  local side, other = 'before', behind
  if behind and behind == newest[queue] then
    side, other = 'next', ''
  elseif not behind then
    side, other = before and 'behind' or '', before or ''
  end
  for _, part in ipairs({ queue, id, side, other }) do
    aside[#aside + 1] = part
  end
  newest[queue] = id
end

local function into_queue(id, place)
  local key, behind, before = keys.queue(place[2]), place[4], place[5]
  redis.call('SADD', keys.QUEUES, key)
  if args.aside == '1' then
    put_aside(place[2], id, behind, before)
    redis.call('LPUSH', key, id)
    return
  end
  if behind and redis.call('LINSERT', key, 'BEFORE', behind, id) > 0 then
    return
  end
  if not behind and before and redis.call('LINSERT', key, 'AFTER', before, id) > 0 then
    return
  end
  redis.call('LPUSH', key, id)
end

-- the place in a rate limit that the job had; if it is taken, the job waits for one, out of its queue
local function into_slot(id, place)
  local limit = place[2]
  local concurrency = tonumber(redis.call('HGET', keys.rate_limit(limit), 'concurrency')) or 0
  if redis.call('ZCARD', keys.rate_limit_allowed(limit)) < concurrency then
    redis.call('ZADD', keys.rate_limit_allowed(limit), place[3], id)
    return true
  end
  redis.call('SADD', keys.RATE_LIMIT_KEYS, limit)
  redis.call('HSET', keys.job(id), 'status', 'rate_limited')
  redis.call('ZADD', keys.rate_limited(limit), SECONDS, id)
  return false
end

local function places_by_kind(record)
  local found = {}
  for i = 3, #record do
    found[record[i][1]] = record[i]
  end
  return found
end

local function waits_in_vain(id)
  for _, other in ipairs(reply_of('SMEMBERS', keys.dependencies(id)) or {}) do
    local status = reply_of('HGET', keys.job(other), 'status')
    if status and not statuses.ended[status] then
      return false
    end
  end
  return true
end

local function bring_to_places(record)
  local id, slot = record[1], places_by_kind(record).slot
  local waits = slot and statuses.waits[reply_of('HGET', keys.job(id), 'status') or '']
  local has_slot = not slot or not waits or into_slot(id, slot)
  for i = 3, #record do
    local place = record[i]
    if place[1] == 'queue' then
      if has_slot then
        into_queue(id, place)
      end
    elseif place[1] == 'group' then
      redis.call('SADD', keys.group(place[2]), id)
    elseif place[1] ~= 'slot' then
      redis.call('ZADD', keys.registry(place[1], place[2]), place[3], id)
    end
  end
  if not has_slot then
    note(SLOTLESS)
  elseif places_by_kind(record).deferred and waits_in_vain(id) then
    note(WAITED)
  end
end

-- why a job was not put back; nil if it was. `keep`: whether it stays in the trash.
local function bring_back(record)
  local parts = parts_of(record[1])
  local reason = check(record, parts)
  if reason then
    return reason, true
  end
  local over = record[2]['1'] and redis.call('EXISTS', keys.trashed(args.batch, parts[1])) == 0
  for part, expiry in pairs(record[2]) do
    if over then
      redis.call('UNLINK', keys.trashed(args.batch, parts[tonumber(part)]))
    else
      bring_part(parts[tonumber(part)], expiry)
    end
  end
  if over then
    return OVER, false
  end
  bring_to_places(record)
end

local done, skipped, kept = 0, 0, {}
local left = tonumber(args.most)
if left == 0 then
  return { 0, 0, {}, '', '', {}, {} }
end
while left > 0 do
  local packed = redis.call('LINDEX', chunks, -1)
  if not packed then
    break
  end
  local records = cmsgpack.unpack(packed)
  while #records > 0 and left > 0 do
    left = left - 1
    local record = table.remove(records)
    local reason, keep = bring_back(record)
    if reason then
      skipped = skipped + 1
      note(reason, record[1])
    else
      done = done + 1
    end
    if keep then
      kept[#kept + 1] = record
    end
  end
  if #records > 0 then
    redis.call('LSET', chunks, -1, cmsgpack.pack(records))
  else
    redis.call('RPOP', chunks)
  end
end
local age = redis.call('TTL', about)
if #kept > 0 then
  redis.call('LPUSH', chunks, cmsgpack.pack(kept))
  redis.call('EXPIRE', chunks, math.max(1, age))
end
if #aside > 0 then
  redis.call('RPUSH', keys.trash_places(args.batch), unpack(aside))
  redis.call('EXPIRE', keys.trash_places(args.batch), math.max(60, age))
end
redis.call('HINCRBY', about, 'jobs', #kept - done - skipped)
if age < 0 then
  redis.call('EXPIRE', about, 60)
end
close(args.batch)
return { done, skipped, flat(reasons, tally), '', '', named, {} }
