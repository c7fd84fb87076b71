-- The rows of jobs that are given by their ids.
-- requires: row
-- Positional arguments: id, queue and score of each job, '' where the queue or the score is not known.

local rows = {}
for at = FIRST, #ARGV, 3 do
  rows[#rows + 1] = row(ARGV[at], ARGV[at + 1], ARGV[at + 2])
end
return rows
