-- Reads the records of jobs, and recognizes those that RQ may not be able to read (rq.job.Job.restore).
-- requires: types

-- Forms that RQ certainly reads. Other forms may be correct too: whoever gets a job that is not plain has to check it by itself.
local function is_time(text)
  return string.find(text, '^%d%d%d%d%-[01]%d%-[0-3]%dT[0-2]%d:[0-5]%d:[0-5]%d%.?%d*Z$')
end

local function is_whole(text)
  return #text <= 15 and string.find(text, '^%-?%d+$')
end

local function is_list(text)
  return string.find(text, '^%[') and pcall(cjson.decode, text)
end

local function is_status(text)
  return statuses.phase[text]
end

-- the characters of UTF-8 that are not ASCII, by their bytes (RFC 3629)
local CHARACTERS = {
  '[\194-\223][\128-\191]',
  '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]', '\237[\128-\159][\128-\191]',
  '\240[\144-\191][\128-\191][\128-\191]', '[\241-\243][\128-\191][\128-\191][\128-\191]',
  '\244[\128-\143][\128-\191][\128-\191]',
}

local function is_text(text)
  if string.find(text, '[\128-\255]') then
    for _, character in ipairs(CHARACTERS) do
      text = string.gsub(text, character, ' ')
    end
  end
  return not string.find(text, '[\128-\255]')
end

local FORMS = {
  [is_status] = { 'status' },
  [is_time] = { 'created_at', 'enqueued_at', 'started_at', 'ended_at', 'last_heartbeat' },
  [is_whole] = {
    'timeout', 'ttl', 'result_ttl', 'failure_ttl', 'number_of_retries', 'retries_left', 'repeats_left', 'enqueue_at_front',
    'enqueue_at_front_on_retry', 'rate_limit_concurrency', 'allow_dependency_failures', 'success_callback_timeout',
    'failure_callback_timeout', 'stopped_callback_timeout',
  },
  [is_list] = { 'dependency_ids', 'retry_intervals', 'repeat_intervals' },
  [is_text] = {
    'origin', 'description', 'worker_name', 'group_id', 'rate_limit_key', 'dependency_id', 'success_callback_name',
    'failure_callback_name', 'stopped_callback_name',
  },
}
-- RQ reads these also where they are empty
local NEVER_EMPTY = {
  enqueue_at_front = true, success_callback_timeout = true, failure_callback_timeout = true, stopped_callback_timeout = true,
}

local RECORD, form_of = {}, {}
for form, names in pairs(FORMS) do
  for _, name in ipairs(names) do
    RECORD[#RECORD + 1] = name
    form_of[name] = form
  end
end

-- The fields of a job's record as a table without those that are empty, and whether all of them are plain; nil where there is no
-- such job. A key that holds no hash gives {} and false.
local function read_record(id)
  local key = keys.job(id)
  if not fits(key, 'hash') then
    return {}, false
  elseif types[key] == 'none' then
    return nil
  end
  local record = {}
  local plain = redis.call('HEXISTS', key, 'data') == 1 and string.find(id, '^[%w_-]+$')
  for at, value in ipairs(redis.call('HMGET', key, unpack(RECORD))) do
    local name = RECORD[at]
    if value and (value ~= '' or NEVER_EMPTY[name]) then
      record[name] = value
      plain = plain and form_of[name](value)
    end
  end
  return record, plain and true or false
end
