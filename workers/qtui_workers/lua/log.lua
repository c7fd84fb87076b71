-- fold_log(id): moves the log of a job that has ended from its stream into one field of its hash, behind what is there from
-- earlier. A stream takes 4 KB however little it holds, so this is for short logs; a longer one stays a stream.
-- requires: reply_of

local MOST_FOLDED_LINES = 200
local MOST_FOLDED_BYTES = 32768
local BYTES_BESIDE_TEXT = 36 -- of each line: level, time, quotes and commas

local function fold_log(id)
  local key, stream = keys.job(id), keys.log(id)
  local entries = reply_of('XREVRANGE', stream, '+', '-', 'COUNT', MOST_FOLDED_LINES + 1) or {}
  if #entries == 0 or #entries > MOST_FOLDED_LINES then
    return
  end
  local before = reply_of('HGET', key, keys.FIELD_LOG)
  local readable, lines = pcall(cjson.decode, before or '[]')
  if not readable or type(lines) ~= 'table' then
    return
  end
  local bytes = before and #before or 0 -- about: escaping may make it more
  for place = #entries, 1, -1 do
    local entry, line = entries[place], {}
    for at = 1, #entry[2], 2 do
      line[entry[2][at]] = entry[2][at + 1]
    end
    for _, name in ipairs({ 'level', 'text', 'at' }) do
      lines[#lines + 1] = line[name] or ''
    end
    bytes = bytes + #(line.text or '') + BYTES_BESIDE_TEXT
  end
  local folded = bytes <= MOST_FOLDED_BYTES and cjson.encode(lines)
  if not folded or #folded > MOST_FOLDED_BYTES then
    return
  end
  if reply_of('HSET', key, keys.FIELD_LOG, folded) then
    redis.call('UNLINK', stream)
  end
end
