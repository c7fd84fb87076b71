-- Puts jobs where they belong.
-- requires: event

-- put(place, score, step, ids): at the end of a list where the score is '', else into a sorted set, each `step` seconds
-- after the one before, so that their order is kept
local function put(place, score, step, ids)
  for first = 1, #ids, 1000 do
    local some = {}
    for n = first, math.min(first + 999, #ids) do
      if score ~= '' then
        some[#some + 1] = string.format('%.6f', score + step * (n - 1))
      end
      some[#some + 1] = ids[n]
    end
    redis.call(score == '' and 'RPUSH' or 'ZADD', place, unpack(some))
  end
end

-- queued(queue, count, id, call): writes the event of jobs that wait in their queue now: the id of one job, the number of many
local function queued(queue, count, id, call)
  local details = count > 1 and cjson.encode({ count = count }) or ''
  event(10000, 'queued', count == 1 and id or '', queue, call, '', '', details)
end

-- prepare(place, score, queue): raises where the place is not of the right type, before anything is written; then registers
-- the queue
local function prepare(place, score, queue)
  redis.call(score == '' and 'LLEN' or 'ZCARD', place)
  redis.call('SADD', keys.QUEUES, keys.queue(queue))
end
