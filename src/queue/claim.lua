--[[
claim: take ready jobs of some types under a lease.

First the timers that have run out: due jobs and jobs whose lease lapsed go to the end of their queue, dead letters past their time
are forgotten. Then up to `limit` jobs of each type are taken; each has begun an attempt. A second entry of a job that is
held, an id that is no id and an id without a document are counted and dropped.

A claim whose answer was lost is repeated with again = '1' and gives the same jobs, as far as it still holds them.

KEYS[1] timers        zset    {type}/{id} by due time or lease end, ms; dead_letter/{id} by its end
KEYS[2] attempts      hash    id to attempts begun, and the claim that holds it
KEYS[3] in_flight     hash    type to leases held
KEYS[4] dead_letters  zset    id by time of death, ms
KEYS[5] counters      hash    {type}:{event} to how often
KEYS[6] claim         string  what this claim took
KEYS[7..]             list    the queues of the types

ARGV[1] now_ms        '' means the server's clock
ARGV[2] claim_id      who holds the leases: the fencing token
ARGV[3] again         '1' when an earlier call of this claim may have been done
ARGV[4] lease_ms      how long the leases last
ARGV[5] limit         jobs of each type, at most 250
ARGV[6] sweep_limit   timers looked at, at most 500
ARGV[7] max_bytes     of documents; the job that reaches it is the last
ARGV[8] prefix        of every key
ARGV[9..]             the types, in the order of their queues

Returns {'empty', now} | {'jobs', now, 'more' or 'last', type, id, attempt, document, ...}
Writes  timers, attempts, in_flight, dead_letters, counters, claim, queue:{type}
Also touches queue:{type} of any type that has a timer, job:{id} of any id in a queue
Cost    O(limit x types + sweep_limit); commands: 4 when nothing is due
]]
local timers, attempts, in_flight, dead_letters, counters, claim = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local now, claim_id, again, lease_ms = now_ms(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local limit, sweep_limit, max_bytes, prefix = ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8]
local FIRST_QUEUE, FIRST_TYPE = 6, 8
local type_count = #KEYS - FIRST_QUEUE

local tally, held_more = {}, {}

local function count(job_type, event, times)
  local field = job_type .. ':' .. event
  tally[field] = (tally[field] or 0) + times
end

local function write_tally()
  for field, times in pairs(tally) do redis.call('HINCRBY', counters, field, tostring(times)) end
  for job_type, times in pairs(held_more) do
    if times ~= 0 then redis.call('HINCRBY', in_flight, job_type, tostring(times)) end
  end
end

local function job_keys_of(entries)
  local keys = {}
  for n, entry in ipairs(entries) do keys[n] = prefix .. 'job:' .. entry.id end
  return keys
end

local function ids_of(entries)
  local ids = {}
  for n, entry in ipairs(entries) do ids[n] = entry.id end
  return ids
end

-- The attempts begun and the claim that holds the job, from '2' or '2 claim'.
local function read_attempts(value)
  if not value then return 0, nil end
  local begun, holder = string.match(value, '^(%d+) ?(.*)$')
  if holder == '' then holder = nil end
  return tonumber(begun) or 0, holder
end

local function answer(entries, more)
  local reply = {'jobs', now, more}
  for _, entry in ipairs(entries) do
    reply[#reply + 1] = entry.job_type
    reply[#reply + 1] = entry.id
    reply[#reply + 1] = tostring(entry.attempt)
    reply[#reply + 1] = entry.document
  end
  return reply
end

if again == '1' then
  local taken = redis.call('GET', claim)
  if taken then
    local entries = {}
    for job_type, id in string.gmatch(taken, '([^ /]+)/([^ ]+)') do
      entries[#entries + 1] = {job_type = job_type, id = id}
    end
    local values = redis.call('HMGET', attempts, unpack(ids_of(entries)))
    local documents = redis.call('MGET', unpack(job_keys_of(entries)))
    local still = {}
    for n, entry in ipairs(entries) do
      local begun, holder = read_attempts(values[n])
      if holder == claim_id and documents[n] then
        entry.attempt, entry.document = begun, documents[n]
        still[#still + 1] = entry
      end
    end
    return answer(still, 'more')
  end
end

local function sweep()
  local members = redis.call('ZRANGEBYSCORE', timers, '-inf', now, 'LIMIT', '0', sweep_limit)
  if #members == 0 then return 0 end
  local due, ended = {}, {}
  for _, member in ipairs(members) do
    local job_type, id = string.match(member, '^([^/]+)/(.+)$')
    if job_type == 'dead_letter' then
      ended[#ended + 1] = id
    elseif job_type then
      due[#due + 1] = {job_type = job_type, id = id}
    end
  end
  redis.call('ZREM', timers, unpack(members))
  if #ended > 0 then
    redis.call('ZREM', dead_letters, unpack(ended))
    count('dead_letter', 'expired', #ended)
  end
  if #due > 0 then
    local values, lapsed, ready = redis.call('HMGET', attempts, unpack(ids_of(due))), {}, {}
    for n, entry in ipairs(due) do
      local begun, holder = read_attempts(values[n])
      if holder then
        lapsed[#lapsed + 1] = entry.id
        lapsed[#lapsed + 1] = tostring(begun)
        held_more[entry.job_type] = (held_more[entry.job_type] or 0) - 1
        count(entry.job_type, 'lapsed', 1)
      end
      ready[entry.job_type] = ready[entry.job_type] or {}
      table.insert(ready[entry.job_type], entry.id)
    end
    if #lapsed > 0 then redis.call('HSET', attempts, unpack(lapsed)) end
    for job_type, ids in pairs(ready) do redis.call('RPUSH', prefix .. 'queue:' .. job_type, unpack(ids)) end
  end
  return #members
end

local swept = sweep()
local filled = redis.call('EXISTS', unpack(KEYS, FIRST_QUEUE + 1))
if filled == 0 then
  write_tally()
  if swept >= tonumber(sweep_limit) then return {'jobs', now, 'more'} end
  return {'empty', now}
end

local more = swept >= tonumber(sweep_limit) and 'more' or 'last'
local popped, seen = {}, {}
for n = 1, type_count do
  -- Each command costs: none is spent on looking for a queue that is not there.
  if filled == 0 then break end
  local job_type = ARGV[FIRST_TYPE + n]
  local ids = redis.call('LPOP', KEYS[FIRST_QUEUE + n], limit)
  if ids then filled = filled - 1 end
  if ids and #ids == tonumber(limit) then more = 'more' end
  for _, id in ipairs(ids or {}) do
    if seen[id] then
      count(job_type, 'repeated', 1)
    elseif #id > 200 or not string.match(id, '^[%w_.:%-]+$') then
      count(job_type, 'no_document', 1)
    else
      seen[id] = true
      popped[#popped + 1] = {job_type = job_type, id = id, queue = KEYS[FIRST_QUEUE + n]}
    end
  end
end
if #popped == 0 then
  write_tally()
  return {'jobs', now, more}
end

local values = redis.call('HMGET', attempts, unpack(ids_of(popped)))
local documents = redis.call('MGET', unpack(job_keys_of(popped)))
local lease_end = later(now, lease_ms)
local taken, begun_now, leases, record, stale, back, bytes = {}, {}, {}, {}, {}, {}, 0
for n, entry in ipairs(popped) do
  local begun, holder = read_attempts(values[n])
  if holder then
    count(entry.job_type, 'repeated', 1)
  elseif not documents[n] then
    count(entry.job_type, 'no_document', 1)
    stale[#stale + 1] = entry.id
  elseif bytes >= max_bytes then
    back[entry.queue] = back[entry.queue] or {}
    table.insert(back[entry.queue], 1, entry.id)
    more = 'more'
  else
    bytes = bytes + #documents[n]
    entry.attempt, entry.document = begun + 1, documents[n]
    taken[#taken + 1] = entry
    begun_now[#begun_now + 1] = entry.id
    begun_now[#begun_now + 1] = entry.attempt .. ' ' .. claim_id
    leases[#leases + 1] = lease_end
    leases[#leases + 1] = entry.job_type .. '/' .. entry.id
    record[#record + 1] = entry.job_type .. '/' .. entry.id
    held_more[entry.job_type] = (held_more[entry.job_type] or 0) + 1
  end
end
for queue, ids in pairs(back) do redis.call('LPUSH', queue, unpack(ids)) end
if #stale > 0 then redis.call('HDEL', attempts, unpack(stale)) end
if #taken > 0 then
  redis.call('HSET', attempts, unpack(begun_now))
  redis.call('ZADD', timers, unpack(leases))
  redis.call('SET', claim, table.concat(record, ' '), 'PX', lease_ms)
end
write_tally()
return answer(taken, more)
