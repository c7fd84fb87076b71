-- Keeps the newest jobs of a registry (`kind`: finished or failed), one of which has just ended.
-- requires: reply_of, retention
-- arguments: kind, queue, id, keep

if reply_of('ZSCORE', keys.registry(args.kind, args.queue), args.id) then
  keep_newest(args.kind, args.queue, args.id, tonumber(args.keep))
end
