-- Reports that a token which a limiter admitted has started, at least `since` µs ago.
-- requires: limit
-- arguments: limiter, token, since

started(args.limiter, args.token, now_us() - args.since)
return 1
