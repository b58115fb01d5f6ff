--[[
store_jobs: store jobs and make them ready, or set their timers. Joined before the scripts that cause jobs.
]]

-- Stores the jobs that `args` describes after `arg_offset`, with their keys in `keys` after `key_offset`.
--
--   keys  timers, counters; then the queues of the types, the jobs, the dedupe keys
--   args  window_ms, type_count, job_count; the types; for each job: id, index of its type, due, index of its dedupe key or 0, document
--
-- Returns for each job 'enqueued', id | 'duplicate', id of the first job.
local function store_jobs(now, keys, key_offset, args, arg_offset)
  local timers, counters = keys[key_offset + 1], keys[key_offset + 2]
  local window_ms = args[arg_offset + 1]
  local type_count, job_count = tonumber(args[arg_offset + 2]), tonumber(args[arg_offset + 3])
  if job_count == 0 then return {} end
  local first_queue = key_offset + 2
  local first_job_key = first_queue + type_count
  local first_dedupe_key = first_job_key + job_count
  local first_type = arg_offset + 3
  local first_job_arg = first_type + type_count

  local any_stored = redis.call('EXISTS', unpack(keys, first_job_key + 1, first_job_key + job_count)) > 0
  local holders = {}
  if #keys > first_dedupe_key then holders = redis.call('MGET', unpack(keys, first_dedupe_key + 1)) end

  local answers, documents, dedupes, ready, waiting, tally = {}, {}, {}, {}, {}, {}

  local function count(job_type, event)
    local field = job_type .. ':' .. event
    tally[field] = (tally[field] or 0) + 1
  end

  for n = 1, job_count do
    local at = first_job_arg + (n - 1) * 5
    local id, type_index, due = args[at + 1], tonumber(args[at + 2]), args[at + 3]
    local dedupe, document, job = tonumber(args[at + 4]), args[at + 5], keys[first_job_key + n]
    local job_type = args[first_type + type_index]
    local holder = dedupe > 0 and holders[dedupe] or false
    local word, answer = 'enqueued', id
    if holder and holder ~= id then
      word, answer = 'duplicate', holder
      count(job_type, 'duplicate')
    elseif not (any_stored and redis.call('EXISTS', job) == 1) then
      if dedupe > 0 then
        holders[dedupe] = id
        dedupes[#dedupes + 1] = dedupe
      end
      documents[#documents + 1] = job
      documents[#documents + 1] = document
      if string.sub(due, 1, 1) == '+' then due = later(now, string.sub(due, 2)) end
      if due == '' or tonumber(due) <= tonumber(now) then
        ready[type_index] = ready[type_index] or {}
        table.insert(ready[type_index], id)
      else
        waiting[#waiting + 1] = due
        waiting[#waiting + 1] = job_type .. '/' .. id
      end
      count(job_type, 'enqueued')
    end
    answers[#answers + 1] = word
    answers[#answers + 1] = answer
  end

  if #documents > 0 then redis.call('MSET', unpack(documents)) end
  for _, dedupe in ipairs(dedupes) do
    redis.call('SET', keys[first_dedupe_key + dedupe], holders[dedupe], 'PX', window_ms)
  end
  for type_index, ids in pairs(ready) do redis.call('RPUSH', keys[first_queue + type_index], unpack(ids)) end
  if #waiting > 0 then redis.call('ZADD', timers, unpack(waiting)) end
  for field, times in pairs(tally) do redis.call('HINCRBY', counters, field, tostring(times)) end
  return answers
end
