-- The heartbeat of a worker that runs no job, and what there is to do for it: five commands where there is nothing.
-- Returns 1 where the worker is on record, 1 where jobs wait in its queues, and 1 where a job of another worker may have to be
-- taken up: one runs, or is between queue and start.
-- requires: worker_record
-- arguments: state, memory
-- Unnamed: the queues.

local known = heartbeat(args.state, args.memory) and 1 or 0
local waiting, running = {}, {}
for position = FIRST, #ARGV do
  local name = ARGV[position]
  waiting[#waiting + 1] = keys.queue(name)
  running[#running + 1] = keys.registry(statuses.registry.started, name)
  running[#running + 1] = keys.intermediate(name)
end

local function any(first, second)
  local names = { unpack(first) }
  for _, name in ipairs(second) do
    names[#names + 1] = name
  end
  return #names > 0 and redis.call('EXISTS', unpack(names)) > 0
end

if not any(waiting, running) then
  return { known, 0, 0 }
end
return { known, any(waiting, {}) and 1 or 0, any(running, {}) and 1 or 0 }
