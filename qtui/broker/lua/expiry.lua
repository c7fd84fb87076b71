-- keep(job): a job that waits again is kept until it has run, or as long as its own ttl says.

local function keep(job)
  local ttl = tonumber(job.ttl)
  for _, key in ipairs({ job.key, keys.dependents(job.id), keys.dependencies(job.id) }) do
    if ttl and ttl >= 1 then
      redis.call('EXPIRE', key, math.floor(ttl))
    else
      redis.call('PERSIST', key)
    end
  end
end
