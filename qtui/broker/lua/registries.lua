-- The entries of jobs in the registries of queues. Of all jobs of a whole list the scores are read at once, and those that leave
-- are removed at once, by leave_registries().
-- requires: operation

local registries = {}

local function scores_in(registry)
  local found = registries[registry]
  if not found then
    found = { known = {}, leaving = {} }
    if chosen_queue ~= '' then
      for i, score in ipairs(reply_of('ZMSCORE', registry, unpack(ARGV, FIRST)) or {}) do
        found.known[ARGV[FIRST + i - 1]] = score
      end
    end
    registries[registry] = found
  end
  return found
end

-- the score of a job; false or nil where it is not in the registry, or leaves it
local function score_in(registry, id)
  local scores = scores_in(registry)
  if chosen_queue == '' and scores.known[id] == nil then
    scores.known[id] = reply_of('ZSCORE', registry, id) or false
  end
  return scores.known[id]
end

-- whether the job was in the registry, and leaves it; its score
local function leave_registry(registry, id)
  local score = score_in(registry, id)
  if score then
    local scores = registries[registry]
    scores.known[id] = false
    scores.leaving[#scores.leaving + 1] = id
  end
  return score
end

-- Removes those that leave; has to be called once, at the end.
local function leave_registries()
  for registry, scores in pairs(registries) do
    if #scores.leaving > 0 then
      redis.call('ZREM', registry, unpack(scores.leaving))
    end
  end
end
