-- Puts jobs that wait, but that no list holds, at the head of their queue: called for the newest first, so that they keep
-- their order. One that was queued keeps since when it waits; RQ would write that it waits from now on, which hides it.
-- requires: to_head, expiry

local NOW = timestamp()

local function is_held_by_a_list(job)
  if job.status == 'scheduled' then
    return reply_of('ZSCORE', keys.registry(statuses.registry.scheduled, job.origin), job.id)
  end
  return reply_of('LPOS', keys.queue(job.origin), job.id) or reply_of('LPOS', keys.intermediate(job.origin), job.id)
end

local function check(job)
  if not spec.allowed[job.status] or is_held_by_a_list(job) then
    return 'it is where it belongs by now'
  end
  return hindrance(job)
end

local function apply(job)
  keep(job)
  local waits = job.status == 'queued' and redis.call('HGET', job.key, 'enqueued_at')
  to_head(job, not waits and NOW or nil)
end

local result = each(check, apply)
fill_heads()
return result
