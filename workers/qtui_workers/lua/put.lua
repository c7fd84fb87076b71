-- Defines what puts jobs where they belong, for the scripts that this text is put in front of; after event.lua.

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

-- queued(queue, count, id, call): tells of jobs that wait in their queue now; one of them by name, many by their number
local function queued(queue, count, id, call)
  local details = count > 1 and cjson.encode({ count = count }) or ''
  event(OURS .. ':events', 10000, 'queued', count == 1 and id or '', queue, call, '', '', details)
end

-- prepare(place, score, queue): notes that there is such a queue, and raises where the place is no list or sorted set, as
-- long as nothing is written
local function prepare(place, score, queue)
  redis.call(score == '' and 'LLEN' or 'ZCARD', place)
  redis.call('SADD', RQ .. ':queues', RQ .. ':queue:' .. queue)
end
