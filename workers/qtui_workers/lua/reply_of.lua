-- reply_of(command…): the reply of a command; nil where the command does not fit what is in Redis: a key of another type, a
-- number that is none. Raises whatever else the server says: what we may not read or write must never count as nothing.
-- Only these errors have the same words on every server. A refusal has no code in a script, and other words on each.

local function reply_of(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then
    return reply
  end
  local unfit = { '^WRONGTYPE', '^ERR .*not an integer', '^ERR .*not a valid float', '^ERR .*not a float', '^ERR .*overflow' }
  for _, words in ipairs(unfit) do
    if string.find(reply.err, words) then
      return nil
    end
  end
  return redis.call(...) -- fails again, and ends the script with the server's own error; `error` would lose its code
end
