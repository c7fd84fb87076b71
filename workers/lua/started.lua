-- Reports that what was admitted has started. After `limit`. ARGV: the limiter, the token
started(ARGV[1], ARGV[2], now_us())
return 1
