--[[
enqueue: store jobs and make them ready, or set their timers.

A job whose document is there already is left as it is, so the call may be repeated. A job whose dedupe key is held by another is not
stored; the answer names the one that holds it.

KEYS[1] timers      zset    {type}/{id} by due time, ms
KEYS[2] counters    hash    {type}:{event} to how often
KEYS[3..]           first the queues (list) of the types, then the jobs (string), then the dedupe keys (string)

ARGV[1] now_ms      '' means the server's clock
ARGV[2] window_ms   how long a dedupe key is held
ARGV[3] type_count
ARGV[4] job_count   at most 1,000
ARGV[5..]           the types; then for each job: id, index of its type, due, index of its dedupe key or 0, document
                    due is '' for at once, '+' and ms for so much later, or a time in ms

Returns for each job 'enqueued', id | 'duplicate', id of the first job
Writes  job:{id}, queue:{type}, timers, counters, dedupe:{type}:{key}
Cost    O(jobs); commands: 3 + one a type + one a dedupe key
]]
local timers, counters = KEYS[1], KEYS[2]
local now, window_ms = now_ms(ARGV[1]), ARGV[2]
local type_count, job_count = tonumber(ARGV[3]), tonumber(ARGV[4])
local first_job_key, first_dedupe_key = 2 + type_count, 2 + type_count + job_count
local first_job_arg = 4 + type_count

local job_keys = {}
for n = 1, job_count do job_keys[n] = KEYS[first_job_key + n] end
local any_stored = redis.call('EXISTS', unpack(job_keys)) > 0

local holders = {}
if #KEYS > first_dedupe_key then
  holders = redis.call('MGET', unpack(KEYS, first_dedupe_key + 1))
end

local answers, documents, dedupes, ready, waiting, tally = {}, {}, {}, {}, {}, {}

local function count(job_type, event)
  local field = job_type .. ':' .. event
  tally[field] = (tally[field] or 0) + 1
end

for n = 1, job_count do
  local at = first_job_arg + (n - 1) * 5
  local id, type_index, due = ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local dedupe, document = tonumber(ARGV[at + 4]), ARGV[at + 5]
  local job_type = ARGV[4 + type_index]
  local holder = dedupe > 0 and holders[dedupe] or false
  local word, answer = 'enqueued', id
  if holder and holder ~= id then
    word, answer = 'duplicate', holder
    count(job_type, 'duplicate')
  elseif not (any_stored and redis.call('EXISTS', job_keys[n]) == 1) then
    if dedupe > 0 then
      holders[dedupe] = id
      dedupes[#dedupes + 1] = dedupe
    end
    documents[#documents + 1] = job_keys[n]
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
  redis.call('SET', KEYS[first_dedupe_key + dedupe], holders[dedupe], 'PX', window_ms)
end
for type_index, ids in pairs(ready) do redis.call('RPUSH', KEYS[2 + type_index], unpack(ids)) end
if #waiting > 0 then redis.call('ZADD', timers, unpack(waiting)) end
for field, times in pairs(tally) do redis.call('HINCRBY', counters, field, tostring(times)) end
return answers
