-- keep(job): a job that waits again is kept until it has run, or as long as its own ttl says.
-- requires: operation

local function keep_key(key, ttl)
  if ttl and ttl >= 1 then
    redis.call('EXPIRE', key, math.floor(ttl))
  else
    redis.call('PERSIST', key)
  end
end

local RELATED = { keys.dependents, keys.dependencies }
local some_are_related = in_chunk(RELATED)

local function keep(job)
  local ttl = tonumber(job.ttl)
  keep_key(job.key, ttl)
  if some_are_related() then
    for _, make in ipairs(RELATED) do
      keep_key(make(job.id), ttl)
    end
  end
end
