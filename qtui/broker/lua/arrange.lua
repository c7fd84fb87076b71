-- Gives entries of a queue's list the places of each other, while others take from its head and add at both ends.
-- Returns {outcome, shift, entries}: 'done'; 'taken', if a place has left the list at its head; 'changed', if other entries
-- stand there; or 'overtaken', if another undo does it. Only what is 'done' is written.
-- `shift`: by how much all stands further from the head than was said. `entries`: those that stand from `front` on.
-- requires: reply_of
-- arguments: batch, walk, queue, front, witness, most
-- `walk`: the name of the undo that brings jobs of the batch to their places.
-- `front`: an index, and `witness` the entry before it, '' for none. `most`: how many entries to return. Positional arguments, by
-- place: a place, the entry that stands there, and the one that is to stand there.

local SLACK = 1000

local key, front, most = keys.queue(args.queue), tonumber(args.front), tonumber(args.most)

local function entries(first, number)
  return number > 0 and reply_of('LRANGE', key, first, first + number - 1) or {}
end

local function shift_of(witness, at)
  if witness == '' or entries(at, 1)[1] == witness then
    return 0
  end
  local first = math.max(0, at - SLACK)
  local near = entries(first, at - first + SLACK)
  for distance = 1, SLACK do
    for _, shift in ipairs({ -distance, distance }) do
      if near[at + shift - first + 1] == witness then
        return shift
      end
    end
  end
end

-- the number of the last argument of the places that follow one another from this one on
local function run_from(i)
  local place, last = tonumber(ARGV[i]), i
  while tonumber(ARGV[last + 3]) == place + (last + 3 - i) / 3 do
    last = last + 3
  end
  return last
end

local function hindrance(shift)
  local i = FIRST
  while ARGV[i] do
    local last, place = run_from(i), ARGV[i] + shift
    if place < 0 then
      return 'taken'
    end
    local found = entries(place, (last - i) / 3 + 1)
    for at = i, last, 3 do
      if found[(at - i) / 3 + 1] ~= ARGV[at + 1] then
        return 'changed'
      end
    end
    i = last + 3
  end
end

if reply_of('GET', keys.trash_walk(args.batch)) ~= args.walk then
  return { 'overtaken', 0, {} }
end
local shift = shift_of(args.witness, front - 1)
if not shift then
  return { 'changed', 0, {} }
end
local reason = hindrance(shift)
if reason then
  return { reason, shift, {} }
end
for i = FIRST, #ARGV, 3 do
  redis.call('LSET', key, shift == 0 and ARGV[i] or ARGV[i] + shift, ARGV[i + 2])
end
return { 'done', shift, entries(front + shift, most) }
