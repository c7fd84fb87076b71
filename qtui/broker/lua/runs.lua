-- The newest finished jobs of a queue: {{id, started, ended, description, data}…}, of each text only the beginning.
-- `data` is '' where the description names the function already, or where it is longer than `data`.
-- requires: reply_of
-- arguments: queue, first, last, text, data

local function cut(text)
  return string.sub(text or '', 1, tonumber(args.text))
end

local found = {}
for _, id in ipairs(reply_of('ZREVRANGE', keys.registry('finished', args.queue), args.first, args.last) or {}) do
  local key = keys.job(id)
  local fields = reply_of('HMGET', key, 'started_at', 'ended_at', 'description')
  if fields and fields[1] and fields[2] then
    local description, data = cut(fields[3]), ''
    if not string.find(description, '^[%a_][%w_.]*%(') and redis.call('HSTRLEN', key, 'data') <= tonumber(args.data) then
      data = redis.call('HGET', key, 'data') or ''
    end
    found[#found + 1] = { id, cut(fields[1]), cut(fields[2]), description, data }
  end
end
return found
