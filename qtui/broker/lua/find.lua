-- Which jobs of a block of a sorted set have a status.
-- Returns the id of each, and since when it has that status, as its hash says it; '' where it does not.
-- requires: reply_of
-- arguments: place, first, last, status, queue, times
-- `place`: the key. `first`, `last`: ranks, 0 is the newest. `queue`: the queue of the jobs, '' for any. `times`: the names of
-- the fields that say since when, the first that is there counts.

local fields = { 'status', 'origin' }
for name in string.gmatch(args.times, '%S+') do
  fields[#fields + 1] = name
end

local function since(values)
  for number = 3, #fields do
    if values[number] then
      return values[number]
    end
  end
  return ''
end

local found = {}
for _, id in ipairs(reply_of('ZREVRANGE', args.place, args.first, args.last) or {}) do
  local values = reply_of('HMGET', keys.job(id), unpack(fields)) or {}
  if values[1] == args.status and (args.queue == '' or values[2] == args.queue) then
    found[#found + 1] = id
    found[#found + 1] = since(values)
  end
end
return found
