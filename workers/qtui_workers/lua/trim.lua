-- Keeps the newest jobs of a registry, one of which has just ended, after lease.lua and retention.lua.
-- ARGV, after those of lease.lua: the registry, the job's id, how many are kept

local registry, id, keep = argument(), argument(), tonumber(argument())
if redis.pcall('ZSCORE', registry, id) then
  keep_newest(registry, id, keep)
end
