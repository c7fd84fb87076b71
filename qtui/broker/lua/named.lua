-- The rows of jobs that are given by their ids.
-- requires: row
-- Positional arguments: id and queue of each job, the queue '' if it is not known.

local rows = {}
for at = FIRST, #ARGV, 2 do
  rows[#rows + 1] = row(ARGV[at], ARGV[at + 1], '')
end
return rows
