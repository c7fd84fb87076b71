-- The rows of jobs that are named.
-- requires: row
-- Unnamed: id and queue of each job, the queue '' where it is not known.

local rows = {}
for at = FIRST, #ARGV, 2 do
  rows[#rows + 1] = row(ARGV[at], ARGV[at + 1], '')
end
return rows
