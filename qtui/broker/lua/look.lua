-- Why a queue does not move: the job at its head, and a job that others wait for.
-- Returns {row of the head or false, row of a parent or false}.
-- requires: row
-- arguments: queue, sample
-- `sample`: how many of the oldest deferred jobs are looked at. The parent is one that has ended without success, is canceled
-- or gone, so that what waits for it stays deferred.

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

local found = parent()
return { head and row(head, args.queue, '') or false, found and row(found, '', '') or false }
