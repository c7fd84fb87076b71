-- Reports that what was admitted has started. After `limit`. ARGV: the limiter, the token, the least µs since that was known
started(ARGV[1], ARGV[2], now_us() - ARGV[3])
return 1
