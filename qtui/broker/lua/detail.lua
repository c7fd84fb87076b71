-- One job whole, each part cut to its bound, in one look.
-- KEYS: hash, results, log, dependents, dependencies. ARGV: bound of data, of any other field, of the number of fields,
-- of the number of results, of log lines, of ids. Gives {exists, {field, length, text…}, pttl, results, log,
-- dependents, dependencies, time, {wrong type…}}.

local data_bound, text_bound = tonumber(ARGV[1]), tonumber(ARGV[2])
local wrong = {}

local function read(key, ...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
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
  if size <= tonumber(ARGV[6]) then
    return read(key, 'SMEMBERS', key)
  end
  return read(key, 'SRANDMEMBER', key, ARGV[6])
end

local fields = {}
local names = read(KEYS[1], 'HKEYS', KEYS[1])
for i = 1, math.min(#names, tonumber(ARGV[3])) do
  local name = names[i]
  local length = redis.call('HSTRLEN', KEYS[1], name)
  fields[#fields + 1] = cut(name, 200)
  fields[#fields + 1] = length
  fields[#fields + 1] = cut(redis.call('HGET', KEYS[1], name), name == 'data' and data_bound or text_bound)
end

return {
  redis.call('EXISTS', KEYS[1]),
  fields,
  redis.call('PTTL', KEYS[1]),
  stream(KEYS[2], ARGV[4]),
  stream(KEYS[3], ARGV[5]),
  members(KEYS[4]),
  members(KEYS[5]),
  redis.call('TIME'),
  wrong,
}
