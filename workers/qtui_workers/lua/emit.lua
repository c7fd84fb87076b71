-- Adds one event.
-- requires: event
-- arguments: cap, kind, job, queue, call, worker, attempt, details

event(args.cap, args.kind, args.job, args.queue, args.call, args.worker, args.attempt, args.details)
