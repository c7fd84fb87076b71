-- keep(job): a job that waits again is kept until it has run, or as long as its own ttl says.

local function keep_key(key, ttl)
  if ttl and ttl >= 1 then
    redis.call('EXPIRE', key, math.floor(ttl))
  else
    redis.call('PERSIST', key)
  end
end

local function keep(job)
  local ttl = tonumber(job.ttl)
  keep_key(job.key, ttl)
  local dependents, dependencies = keys.dependents(job.id), keys.dependencies(job.id)
  if redis.call('EXISTS', dependents, dependencies) > 0 then -- most jobs have neither
    keep_key(dependents, ttl)
    keep_key(dependencies, ttl)
  end
end
