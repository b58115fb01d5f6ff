--[[
settle: end claims, many at once.

Each settlement counts only for the claim that still holds the job; for another it changes nothing. Repeated, it answers as the
first time.

  complete  the document is kept for keep_completed_ms
  retry     the document is kept, the job is due at `at`
  bury      the document is kept for keep_dead_ms, the job is a dead letter; at `at`, if set, it comes back by itself
  rebury    the same of a job that came back by itself, which is counted until one of its type is completed
  release   the attempt is taken back; the job is due at `at`, or is the first of its queue: of several the last
  forget    the entry was one too many: the document stays as it is

KEYS[1] timers        zset    {type}/{id} by due time or lease end, ms; dead_letter/{id} by its recovery or end
KEYS[2] attempts      hash    id to attempts begun, and the claim that holds it
KEYS[3] in_flight     hash    type to leases held
KEYS[4] dead_letters  zset    id by time of death, ms
KEYS[5] counters      hash    {type}:{event} to how often
KEYS[6] recovery      hash    type to how many of its recovered jobs died again in a row
KEYS[7] pending       list    what batches measured and is not in the sums yet
KEYS[8] measures      hash    field to the sum of what was measured
KEYS[9..]             first the queues (list) of the types, then the jobs (string)

ARGV[1] now_ms            '' means the server's clock
ARGV[2] keep_completed_ms
ARGV[3] keep_dead_ms
ARGV[4] prefix            of every key
ARGV[5] process_measures  what the process measured of itself: field, amount ... in one text
ARGV[6] type_count
ARGV[7..]             the types; then for each settlement: what, index of its type, id, attempt, claim id, at, document, what was
                      measured of it: of each histogram its letter, bucket and ms, as 'd3 40 w0 2'

Returns for each settlement 'settled' | 'lease_lost'
Writes  job:{id}, queue:{type}, timers, attempts, in_flight, dead_letters, counters, recovery, pending, measures
Also touches stats:minutes:{hour} and stats:quarters:{day} of what was pending
Cost    O(settlements x log timers); commands: 8 + one a completed or buried job
]]
local timers, attempts, in_flight, dead_letters, counters, recovery = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local now, keep_completed_ms, keep_dead_ms = now_ms(ARGV[1]), ARGV[2], ARGV[3]
local pending, measures, prefix, process_measures = KEYS[7], KEYS[8], ARGV[4], ARGV[5]
local type_count = tonumber(ARGV[6])
local FIRST_QUEUE, FIRST_TYPE = 8, 6
local first_job_key, first_item = FIRST_QUEUE + type_count, FIRST_TYPE + type_count
local EVENTS = {complete = 'completed', retry = 'retried', bury = 'dead', rebury = 'dead', release = 'released', forget = 'repeated'}

local ids = {}
for at = first_item, #ARGV - 8, 8 do ids[#ids + 1] = ARGV[at + 3] end
local values = redis.call('HMGET', attempts, unpack(ids))

-- Whether an earlier call of this very settlement is why the job is no longer held.
local function settled_before(what, attempt, key, document, value)
  if what == 'release' or what == 'forget' then
    local before = attempt > 1 and tostring(attempt - 1) or false
    return value == before
  end
  return redis.call('GET', key) == document
end

local answers, ended, begun, unset, kept, due, dead, first = {}, {}, {}, {}, {}, {}, {}, {}
local measured = {}
local function measure(field, amount)
  measured[field] = (measured[field] or 0) + amount
end
local held_less, tally, completed, reburied = {}, {}, {}, {}
for n, id in ipairs(ids) do
  -- Read from ARGV where it is needed: a table a settlement would be most of this script's time.
  local first_arg = first_item + (n - 1) * 8
  local what, type_index, attempt = ARGV[first_arg + 1], tonumber(ARGV[first_arg + 2]), ARGV[first_arg + 4]
  local at, document, key = ARGV[first_arg + 6], ARGV[first_arg + 7], KEYS[first_job_key + n]
  if values[n] ~= attempt .. ' ' .. ARGV[first_arg + 5] then
    answers[n] = settled_before(what, tonumber(attempt), key, document, values[n]) and 'settled' or 'lease_lost'
  else
    answers[n] = 'settled'
    local job_type = ARGV[FIRST_TYPE + type_index]
    local timer, attempts_left = job_type .. '/' .. id, 0
    if what == 'complete' then
      redis.call('SET', key, document, 'PX', keep_completed_ms)
      completed[job_type] = true
    elseif what == 'bury' or what == 'rebury' then
      if what == 'rebury' then reburied[job_type] = (reburied[job_type] or 0) + 1 end
      redis.call('SET', key, document, 'PX', keep_dead_ms)
      dead[#dead + 1] = now
      dead[#dead + 1] = id
      due[#due + 1] = at ~= '' and at or later(now, keep_dead_ms)
      due[#due + 1] = 'dead_letter/' .. id
    elseif what == 'retry' then
      attempts_left = tonumber(attempt)
      kept[#kept + 1] = key
      kept[#kept + 1] = document
    else
      attempts_left = tonumber(attempt) - 1
    end
    if what == 'retry' or (what == 'release' and at ~= '') then
      due[#due + 1] = at
      due[#due + 1] = timer
    else
      ended[#ended + 1] = timer
      if what == 'release' then
        local queue = KEYS[FIRST_QUEUE + type_index]
        first[queue] = first[queue] or {}
        table.insert(first[queue], id)
      end
    end
    if attempts_left > 0 then
      begun[#begun + 1] = id
      begun[#begun + 1] = tostring(attempts_left)
    else
      unset[#unset + 1] = id
    end
    held_less[job_type] = (held_less[job_type] or 0) - 1
    local field = job_type .. ':' .. EVENTS[what]
    tally[field] = (tally[field] or 0) + 1
    for histogram, bucket, ms in string.gmatch(ARGV[first_arg + 8], '(%a)(%d+) (%d+)') do
      measure(job_type .. ':' .. histogram .. ':' .. bucket, 1)
      measure(job_type .. ':' .. histogram .. ':sum', tonumber(ms))
      if histogram ~= 'e' then measure('@' .. histogram .. ':' .. bucket, 1) end
    end
  end
end
for field, times in pairs(tally) do measure('@' .. field, times) end

if #kept > 0 then redis.call('MSET', unpack(kept)) end
if #ended > 0 then redis.call('ZREM', timers, unpack(ended)) end
if #due > 0 then redis.call('ZADD', timers, unpack(due)) end
if #dead > 0 then redis.call('ZADD', dead_letters, unpack(dead)) end
if #begun > 0 then redis.call('HSET', attempts, unpack(begun)) end
if #unset > 0 then redis.call('HDEL', attempts, unpack(unset)) end
for queue, released in pairs(first) do redis.call('LPUSH', queue, unpack(released)) end
for job_type, times in pairs(held_less) do redis.call('HINCRBY', in_flight, job_type, tostring(times)) end
for field, times in pairs(tally) do redis.call('HINCRBY', counters, field, tostring(times)) end
if next(measured) then
  local entry = {string.format('%.0f', math.floor(tonumber(now) / 60000))}
  for field, amount in pairs(measured) do entry[#entry + 1] = field .. ' ' .. string.format('%.0f', amount) end
  if process_measures ~= '' then entry[#entry + 1] = process_measures end
  local waiting = redis.pcall('RPUSH', pending, table.concat(entry, ' '))
  if type(waiting) == 'number' and waiting >= FOLD_AT then fold(pending, measures, prefix) end
end
local works = {}
for job_type in pairs(completed) do works[#works + 1] = job_type end
if #works > 0 then redis.call('HDEL', recovery, unpack(works)) end
for job_type, times in pairs(reburied) do
  if not completed[job_type] then redis.call('HINCRBY', recovery, job_type, tostring(times)) end
end
return answers
