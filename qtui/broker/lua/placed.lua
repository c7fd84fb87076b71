-- Notes that the jobs whose places an undo has read are there; another one that has begun since does that itself.
-- requires: reply_of, time, trash
-- arguments: batch, walk, read
-- `walk`: the undo's own name. `read`: how many entries of the list of places it has read.

if reply_of('GET', keys.trash_walk(args.batch)) == args.walk then
  redis.call('LTRIM', keys.trash_places(args.batch), args.read, -1)
  close(args.batch)
end
