-- The rows of jobs that are named. ARGV from 2 on: id, queue, id, queue… ('' where the queue is not known).

local rows = {}
for i = 2, #ARGV, 2 do
  rows[#rows + 1] = row(ARGV[i], ARGV[i + 1], '')
end
return rows
