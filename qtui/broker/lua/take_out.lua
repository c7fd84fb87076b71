-- Takes jobs out of the lists of queues. A list has to be searched for an entry, and to delete one moves all that follow: so
-- entries are marked first, where the client says about where they are, and deleted together by sweep().
-- requires: reply_of
-- arguments: hint, span
-- `hint`: the index at which the first of the given jobs is expected in its list, '' if it is not known. `span`: over how many
-- entries from there on the jobs are spread.

local MARK = 'qtui:taken'
local SLACK = 50
-- One job that is chosen is often among the newest, or the next: so many entries at either end of a list are searched first.
local NEAR = 20000

local lists = {}

local function listing(queue)
  local list = lists[queue]
  if not list then
    list = { key = keys.queue(queue), ids = {}, places = {}, marked = 0 }
    local hint = tonumber(args.hint)
    if hint then
      list.from = math.max(0, hint - SLACK)
      list.ids = reply_of('LRANGE', list.key, list.from, hint + tonumber(args.span) + SLACK) or {}
      for i = #list.ids, 1, -1 do
        list.places[list.ids[i]] = list.from + i - 1
      end
    end
    lists[queue] = list
  end
  return list
end

local function index_of(list, id, from)
  return reply_of('LPOS', list.key, id, 'RANK', from, 'MAXLEN', NEAR)
    or reply_of('LPOS', list.key, id, 'RANK', -from, 'MAXLEN', NEAR)
    or reply_of('LPOS', list.key, id, 'RANK', from)
end

-- take_out(queue, id, from): the index at which the job was in the list; nil if it was not there. `from`: 1 to search the list
-- from its head on, -1 from its tail.
local function take_out(queue, id, from)
  local list = listing(queue)
  local at = not list.moved and list.places[id] or index_of(list, id, from)
  if not at then
    return nil
  end
  list.places[id] = nil
  redis.call('LSET', list.key, at, MARK)
  list.marked = list.marked + 1
  list.first = math.min(at, list.first or at)
  list.taken = list.taken or {}
  list.taken[at] = id
  return at
end

-- Entries may have been put before those that are known.
local function lists_moved()
  for _, list in pairs(lists) do
    list.moved = true
    list.taken = {}
  end
end

-- what stands at an index: an id and whether it was taken out by this script
local function stands_at(queue, at)
  local list = lists[queue]
  local entry = list.from and not list.moved and list.ids[at - list.from + 1]
  if entry then
    return list.taken[at] or entry, list.taken[at] ~= nil
  end
  local id = at >= 0 and redis.call('LINDEX', list.key, at)
  if id == MARK then
    return list.taken[at], true
  end
  return id, false
end

-- The job that stands behind an index, and, where there is none, the nearest before it that stays.
local function neighbours(queue, at)
  local behind = stands_at(queue, at + 1)
  if behind then
    return behind, false
  end
  local before, taken = stands_at(queue, at - 1)
  while taken do
    at = at - 1
    before, taken = stands_at(queue, at - 1)
  end
  return false, before
end

-- Deletes what was taken out; has to be called once, at the end.
local function sweep()
  for _, list in pairs(lists) do
    if list.marked > 0 then
      local near_head = list.first < redis.call('LLEN', list.key) / 2
      redis.call('LREM', list.key, near_head and list.marked or -list.marked, MARK)
    end
  end
end
