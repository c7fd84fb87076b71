-- Reads all of one job at one moment, each part cut to its bound.
-- Returns {exists, {field, length, text…}, pttl, results, log, dependents, dependencies, time, {wrong type…}}.
-- requires: reply_of, format
-- arguments: id, data, text, fields, results, log, ids
-- `id` is the job's. The others are limits: bytes of its data and of any other text; numbers of fields, results, log lines, ids.

check_format()
local job = keys.job(args.id)
local data_bound, text_bound = tonumber(args.data), tonumber(args.text)
local wrong = {}

local function read(key, ...)
  local reply = reply_of(...)
  if reply == nil then
    wrong[#wrong + 1] = key
    return {}
  end
  return reply
end

local function cut(text, bound)
  return #text > bound and string.sub(text, 1, bound) or text
end

local function stream(key, count)
  local entries = read(key, 'XREVRANGE', key, '+', '-', 'COUNT', count)
  for _, entry in ipairs(entries) do
    for i, text in ipairs(entry[2]) do
      entry[2][i] = cut(text, text_bound)
    end
  end
  return entries
end

local function members(key)
  local size = read(key, 'SCARD', key)
  if type(size) == 'table' or size == 0 then
    return {}
  end
  if size <= tonumber(args.ids) then
    return read(key, 'SMEMBERS', key)
  end
  return read(key, 'SRANDMEMBER', key, args.ids)
end

local fields = {}
local names = read(job, 'HKEYS', job)
for i = 1, math.min(#names, tonumber(args.fields)) do
  local name = names[i]
  local length = redis.call('HSTRLEN', job, name)
  fields[#fields + 1] = cut(name, 200)
  fields[#fields + 1] = length
  fields[#fields + 1] = cut(redis.call('HGET', job, name), name == 'data' and data_bound or text_bound)
end

local time = redis.pcall('TIME') -- it may be refused, and is only for ages
return {
  redis.call('EXISTS', job),
  fields,
  redis.call('PTTL', job),
  stream(keys.results(args.id), args.results),
  stream(keys.log(args.id), args.log),
  members(keys.dependents(args.id)),
  members(keys.dependencies(args.id)),
  time.err and {} or time,
  wrong,
}
