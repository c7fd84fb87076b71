-- Tidies up behind a job that RQ's own code has ended (`kind`: finished or failed): folds its log, and keeps the newest jobs of
-- the registry.
-- requires: reply_of, retention, log
-- arguments: kind, queue, id, keep
-- `keep`: how many; '' for all of them.

fold_log(args.id)
if args.keep ~= '' and reply_of('ZSCORE', keys.registry(args.kind, args.queue), args.id) then
  keep_newest(args.kind, args.queue, args.id, tonumber(args.keep))
end
