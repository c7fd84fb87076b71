-- For luacheck (Debian: lua-check), which `make lint` runs over the scripts as they are put together: python -m tests.lua
std = 'lua51'
max_line_length = 130
read_globals = { 'redis', 'cjson', 'cmsgpack', 'KEYS', 'ARGV', 'keys', 'statuses', 'FIRST' }
globals = { 'args' }
