-- Sends the workers of running jobs the command to stop them, as rq.command.send_stop_job_command does: each worker
-- receives it on its own channel, ends the job, and records it as stopped. This script writes nothing.
-- requires: operation

FIELDS[#FIELDS + 1] = 'worker_name'

local DEAF = 'its worker hears no commands'

local function check(job)
  if not statuses.runs[job.status] then
    return chosen_status ~= '' and 'no longer started' or 'it does not run'
  end
  if string.find(job.id, '[^\32-\126]') then
    return 'its id is none that RQ allows' -- some workers receive no more commands after one that they cannot read
  end
  if job.worker_name == '' or redis.call('EXISTS', keys.worker(job.worker_name)) == 0 then
    return 'its worker is gone'
  end
  local heard = redis.pcall('PUBSUB', 'NUMSUB', keys.commands(job.worker_name))
  if heard[2] == 0 then
    return DEAF
  end
  return nil, 'through worker ' .. string.sub(job.worker_name, 1, 200)
end

local function apply(job)
  local heard = redis.pcall('PUBLISH', keys.commands(job.worker_name), cjson.encode({ command = 'stop-job', job_id = job.id }))
  if type(heard) == 'table' then
    return 'the server lets us send no commands'
  end
  return heard == 0 and DEAF or nil
end

return each(check, apply)
