-- row(id, queue, score): the facts of one job that a list shows, each text cut to its bound.
-- requires: reply_of, format
-- arguments: spec
-- `spec` is JSON: {fields, bounds (bytes, one for each field), data, data_read, error}. Its first field is the status.
-- Of a job that runs or is scheduled and is given with the score '', the score is that in the registry of its status.
-- Returns {id, queue, score, problem ('' | 'gone' | 'type'), head of data, exc_string, field…}.
-- If `data` has more than data_read bytes it is not read, because reading long data in a script blocks the server.

check_format()
local spec = cjson.decode(args.spec)

local function cut(text, bound)
  if text and #text > bound then
    return string.sub(text, 1, bound)
  end
  return text
end

local function newest_error(id)
  local entries = reply_of('XREVRANGE', keys.results(id), '+', '-', 'COUNT', 1)
  if not entries or not entries[1] then
    return false
  end
  local pairs_of_entry = entries[1][2]
  for i = 1, #pairs_of_entry, 2 do
    if pairs_of_entry[i] == 'exc_string' then
      return cut(pairs_of_entry[i + 1], spec.error)
    end
  end
  return false
end

local function score_of(id, status, queue)
  local name = queue ~= '' and queue or redis.call('HGET', keys.job(id), 'origin') or ''
  local member = id
  if statuses.runs[status] then
    local newest = reply_of('ZREVRANGE', keys.executions(id), 0, 0) or {}
    if not newest[1] then
      return ''
    end
    member = id .. ':' .. newest[1]
  end
  return reply_of('ZSCORE', keys.registry(statuses.registry[status], name), member) or ''
end

local function row(id, queue, score)
  local key = keys.job(id)
  local values = reply_of('HMGET', key, unpack(spec.fields))
  if not values then
    return { id, queue, score, 'type' }
  end
  local size = redis.call('HSTRLEN', key, 'data')
  if size == 0 and redis.call('EXISTS', key) == 0 then
    return { id, queue, score, 'gone' }
  end
  local data = false
  if size > 0 and size <= spec.data_read then
    data = cut(redis.call('HGET', key, 'data'), spec.data)
  elseif size > 0 then
    data = ''
  end
  local result = { id, queue, score, '', data, false }
  if statuses.failed[values[1]] then
    result[6] = newest_error(id)
  elseif score == '' and (statuses.runs[values[1]] or values[1] == 'scheduled') then
    result[3] = score_of(id, values[1], queue)
  end
  for i = 1, #spec.fields do
    result[6 + i] = cut(values[i], spec.bounds[i])
  end
  return result
end
