-- Why a queue does not move: the job at its head, a job that others wait for, and its workers.
-- Returns {row of the head or false, row of a parent or false, number of its workers,
-- {{name, {field…}, ttl, execution or false, row of its job or false}…}}.
-- requires: row
-- arguments: queue, sample, workers, fields
-- `sample`: how many of the oldest deferred jobs are looked at. The parent is one that has ended without success, is canceled
-- or gone, so that what waits for it stays deferred. `workers`: how many of them are looked at, by name; `fields`: what of
-- their hashes is read, as JSON.

local head = reply_of('LINDEX', keys.queue(args.queue), 0)

local function blocks(id)
  local status = reply_of('HGET', keys.job(id), 'status')
  return not status or (statuses.ended[status] and statuses.outcome[status] ~= 'finished')
end

local function parent()
  local deferred = keys.registry(statuses.registry.deferred, args.queue)
  for _, id in ipairs(reply_of('ZREVRANGE', deferred, -args.sample, -1) or {}) do
    local facts = reply_of('HMGET', keys.job(id), 'allow_dependency_failures', keys.FIELD_HELD) or {}
    local waits = facts[1] ~= '1' and not facts[2] -- what is in hold has waited for its parents already
    for _, other in ipairs(waits and reply_of('SMEMBERS', keys.dependencies(id)) or {}) do
      if blocks(other) then
        return other
      end
    end
  end
end

local function at_work(key, fields)
  local name = string.sub(key, #keys.WORKER_PREFIX + 1)
  local execution = reply_of('SRANDMEMBER', keys.worker_executions(name))
  local id = execution and string.match(execution, '^(.*):[^:]*$')
  return {
    name,
    reply_of('HMGET', keys.worker(name), unpack(fields)) or false,
    redis.call('TTL', keys.worker(name)),
    execution or false,
    id and row(id, '', '') or false,
  }
end

local found, members, workers = parent(), {}, {}
if tonumber(args.workers) > 0 then
  members = reply_of('SMEMBERS', keys.queue_workers(args.queue)) or {}
  table.sort(members)
  for i = 1, math.min(#members, tonumber(args.workers)) do
    workers[i] = at_work(members[i], cjson.decode(args.fields))
  end
end
return { head and row(head, args.queue, '') or false, found and row(found, '', '') or false, #members, workers }
