-- Counts why jobs were left, and what is to be said of others.
-- note(reason, id): counts one; of the first jobs of a reason the ids are kept, where they are given.
-- flat(names, numbers): {name, number, name, number, …}.

local MOST_NAMED = 10
local tally, reasons, named = {}, {}, {}

local function note(reason, id)
  if not tally[reason] then
    tally[reason] = 0
    reasons[#reasons + 1] = reason
  end
  tally[reason] = tally[reason] + 1
  if id and tally[reason] <= MOST_NAMED then
    named[#named + 1] = reason
    named[#named + 1] = id
  end
end

local function flat(names, numbers)
  local found = {}
  for _, name in ipairs(names) do
    found[#found + 1] = name
    found[#found + 1] = numbers[name]
  end
  return found
end
