-- merge(lists, offset, limit, key): goes through several lists, each sorted, as if they were one, newest first.
-- A list is a table with its `count`; key(list, rank) is what it is sorted by at that rank, 0 being the newest.
-- Returns {list, rank} of each of the `limit` entries after the first `offset`. If a list is not sorted, some of its entries
-- come later than they should.
-- It reads about `limit` + 3 * lists * log2(offset / lists) keys, so that a page is found quickly at any offset.

local function newer(a, b)
  if a.key ~= b.key then
    return a.key > b.key
  end
  return a.order < b.order
end

-- heaps: the newest is at 1
local function sift_up(heap, at)
  while at > 1 and newer(heap[at], heap[math.floor(at / 2)]) do
    local above = math.floor(at / 2)
    heap[at], heap[above] = heap[above], heap[at]
    at = above
  end
end

local function sift_down(heap, at)
  while true do
    local first = at
    for below = 2 * at, math.min(2 * at + 1, #heap) do
      if newer(heap[below], heap[first]) then
        first = below
      end
    end
    if first == at then
      return
    end
    heap[at], heap[first] = heap[first], heap[at]
    at = first
  end
end

-- the lists that have an entry `step` - 1 after where they are, ordered by that entry
local function heap_of(lists, step, key)
  local heap = {}
  for _, list in ipairs(lists) do
    if list.at + step <= list.count then
      list.key = key(list, list.at + step - 1)
      heap[#heap + 1] = list
      sift_up(heap, #heap)
    end
  end
  return heap
end

-- goes on by `step` in the list that is the first of the heap
local function advance(heap, step, key)
  local list = heap[1]
  list.at = list.at + step
  if list.at + step <= list.count then
    list.key = key(list, list.at + step - 1)
  else
    heap[1] = heap[#heap]
    heap[#heap] = nil
  end
  if heap[1] then
    sift_down(heap, 1)
  end
end

-- Of the `step`-th entries of all lists, the newest has less than `step` entries of each list before it: where these are no
-- more than are to be passed over, `step` entries of its list can be passed over at once.
local function pass_over(lists, left, key)
  while left > 0 do
    local step = math.floor((left - 1) / (2 * #lists)) + 1
    local heap = heap_of(lists, step, key)
    while heap[1] and left > #lists * (step - 1) do
      advance(heap, step, key)
      left = left - step
    end
    if step == 1 then
      return
    end
  end
end

local function merge(lists, offset, limit, key)
  local total = 0
  for order, list in ipairs(lists) do
    list.at, list.order = 0, order
    total = total + list.count
  end
  if offset >= total then
    return {}
  end
  pass_over(lists, offset, key)
  local heap, picked = heap_of(lists, 1, key), {}
  while heap[1] and #picked < limit do
    picked[#picked + 1] = { heap[1], heap[1].at }
    advance(heap, 1, key)
  end
  return picked
end
