-- Puts entries that a stock worker left between queue and start back at the head of their queue.
-- RQ's own maintenance fails them (rq.intermediate_queue.IntermediateQueue.cleanup); the time when one was first seen is
-- kept where RQ keeps it. Returns the ids put back.
-- arguments: queue, after
-- `after`: seconds that such an entry may take to start.

local between = keys.intermediate(args.queue)
local now = tonumber(redis.call('TIME')[1])
local back = {}
for _, id in ipairs(redis.call('LRANGE', between, 0, 99)) do
  local seen_key = keys.first_seen(args.queue, id)
  local seen = tonumber(redis.call('GET', seen_key))
  if redis.call('EXISTS', keys.job(id)) == 0 then
    redis.call('LREM', between, 1, id)
  elseif redis.call('EXISTS', keys.executions(id)) == 0 then
    if not seen then
      redis.call('SET', seen_key, now, 'EX', 86400)
    elseif now - seen > tonumber(args.after) then
      redis.call('LREM', between, 1, id)
      redis.call('DEL', seen_key)
      redis.call('LPUSH', keys.queue(args.queue), id)
      back[#back + 1] = id
    end
  end
end
return back
