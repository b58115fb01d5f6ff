--[[
claim: take ready jobs of some types under a lease.

First the timers that have run out: due jobs and jobs whose lease lapsed go to the end of their queue, dead letters past their time
are forgotten, and those that are to come back by themselves are named; their timers are set again in case nobody brings
them back. Then up to `limit` jobs of each type are taken, as far as the type is neither paused nor at its limits; each has begun an
attempt. Types take turns: the first of each, then the second of each. So where max_bytes ends the claim, large jobs of one type leave
the others their share; what is left goes back. A second entry of a job that is held, an id that is no id and an id without a document
are counted and dropped.

Of a document too large to be settled only the beginning is given, with its length: to be buried, not run.

A rate is counted in a log of its own: of any stretch of time as long as the period, the log shows what was claimed in it.

A claim whose answer was lost is repeated with again = '1' and gives the same jobs, as far as it still holds them. What it took, were it
nothing, is remembered from then on for as long as its lease: its first call, should it arrive after the repeated one, takes nothing.

KEYS[1] timers        zset    {type}/{id} by due time or lease end, ms; dead_letter/{id} by its recovery or end
KEYS[2] attempts      hash    id to attempts begun, and the claim that holds it
KEYS[3] in_flight     hash    type to leases held
KEYS[4] dead_letters  zset    id by time of death, ms
KEYS[5] counters      hash    {type}:{event} to how often
KEYS[6] claim         string  what this claim took; '' is nothing
KEYS[7] control       hash    what operators set, see `control`
KEYS[8..]             list    the queues of the types

ARGV[1] now_ms        '' means the server's clock
ARGV[2] claim_id      who holds the leases: the fencing token
ARGV[3] again         '1' when an earlier call of this claim may have been done
ARGV[4] lease_ms      how long the leases last
ARGV[5] limit         jobs of each type, at most 250
ARGV[6] sweep_limit   timers looked at, at most 500
ARGV[7] max_bytes     of documents; the job that reaches it is the last
ARGV[8] prefix        of every key
ARGV[9] keep_dead_ms  how long dead letters are kept
ARGV[10] max_document  bytes of one document; of a longer one only the beginning is given
ARGV[11..]            the types, in the order of their queues

Returns {'empty', now} | {'jobs', now, 'more' or 'last', how many come back, id, ..., then type, id, attempt, document, ...};
        of a document too large: type, id, 'attempt bytes', its beginning
Writes  timers, attempts, in_flight, dead_letters, counters, claim, queue:{type}, queue:rate:{type}
Also touches queue:{type} of any type that has a timer, queue:rate:{type} of those with a rate, job:{id} of any id in a queue
Cost    O(limit x types + sweep_limit + a rate's jobs); commands: 4 when nothing is due; documents are read by one, or where there
        are more than a hundred by one more for each 250, as long as they have room in the answer
]]
local timers, attempts, in_flight, dead_letters, counters, claim = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local control = KEYS[7]
local now, claim_id, again, lease_ms = now_ms(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local limit, sweep_limit, max_bytes, prefix, keep_dead_ms = ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9]
local max_document = tonumber(ARGV[10])
local FIRST_QUEUE, FIRST_TYPE = 7, 10
-- Bytes given of a document too large. Chosen: enough to see what it is.
local BEGINNING = 1000
local type_count = #KEYS - FIRST_QUEUE

local tally, held_more, coming_back = {}, {}, {}

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

-- Attempt and document as they are given.
local function given(attempt, document)
  if #document <= max_document then return attempt, document end
  -- No character is cut in two.
  local beginning = string.gsub(string.sub(document, 1, BEGINNING), '[\192-\255][\128-\191]*$', '')
  return attempt .. ' ' .. string.format('%.0f', #document), beginning
end

-- Where 'more' or 'last' stands in an answer.
local MORE = 3

local function answer(entries, more)
  local reply = {'jobs', now, more, tostring(#coming_back)}
  for _, id in ipairs(coming_back) do reply[#reply + 1] = id end
  for _, entry in ipairs(entries) do
    reply[#reply + 1] = entry.job_type
    reply[#reply + 1] = entry.id
    local attempt, document = given(tostring(entry.attempt), entry.document)
    reply[#reply + 1] = attempt
    reply[#reply + 1] = document
  end
  return reply
end

if again == '1' then
  local taken = redis.call('GET', claim)
  if taken then
    if taken == '' then return answer({}, 'more') end
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
  redis.call('SET', claim, '', 'PX', lease_ms)
end

-- Forgets the dead letters whose time is over. The others come back by themselves; until someone has brought one back its timer
-- stands for as long as a lease, or to its end.
local function end_or_bring_back(ids, died_at)
  local expired, again = {}, {}
  for n, id in ipairs(ids) do
    local ends = died_at[n] and later(died_at[n], keep_dead_ms)
    if ends and tonumber(ends) <= tonumber(now) then
      expired[#expired + 1] = id
    elseif ends then
      local lease_end = later(now, lease_ms)
      coming_back[#coming_back + 1] = id
      again[#again + 1] = tonumber(lease_end) < tonumber(ends) and lease_end or ends
      again[#again + 1] = 'dead_letter/' .. id
    end
  end
  if #expired > 0 then
    redis.call('ZREM', dead_letters, unpack(expired))
    count('dead_letter', 'expired', #expired)
  end
  if #again > 0 then redis.call('ZADD', timers, unpack(again)) end
end

-- Sets the timers of a type again, as they were: its queue is no list.
local function set_again(job_type, due)
  local stand = {}
  for _, entry in ipairs(due) do
    if entry.job_type == job_type then
      stand[#stand + 1] = entry.score
      stand[#stand + 1] = job_type .. '/' .. entry.id
    end
  end
  redis.call('ZADD', timers, unpack(stand))
end

local function sweep()
  local timed = redis.call('ZRANGEBYSCORE', timers, '-inf', now, 'WITHSCORES', 'LIMIT', '0', sweep_limit)
  if #timed == 0 then return 0 end
  local members, due, ended = {}, {}, {}
  for n = 1, #timed, 2 do
    local member = timed[n]
    local job_type, id = string.match(member, '^([^/]+)/(.+)$')
    members[#members + 1] = member
    if job_type == 'dead_letter' then
      ended[#ended + 1] = id
    elseif job_type then
      due[#due + 1] = {job_type = job_type, id = id, score = timed[n + 1]}
    end
  end
  -- Read before anything is written: where that fails, all timers stand.
  local died_at = #ended > 0 and redis.call('ZMSCORE', dead_letters, unpack(ended))
  local values = #due > 0 and redis.call('HMGET', attempts, unpack(ids_of(due)))
  redis.call('ZREM', timers, unpack(members))
  if #ended > 0 then end_or_bring_back(ended, died_at) end
  local lapsed, ready = {}, {}
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
  for job_type, ids in pairs(ready) do
    local pushed = redis.pcall('RPUSH', prefix .. 'queue:' .. job_type, unpack(ids))
    if type(pushed) == 'table' and pushed.err then set_again(job_type, due) end
  end
  return #members
end

local swept = sweep()
local filled = redis.call('EXISTS', unpack(KEYS, FIRST_QUEUE + 1))
if filled == 0 then
  write_tally()
  if swept >= tonumber(sweep_limit) then return answer({}, 'more') end
  if #coming_back > 0 then return answer({}, 'last') end
  return {'empty', now}
end

local rules = {}
local set = redis.call('HGETALL', control)
for n = 1, #set, 2 do rules[set[n]] = set[n + 1] end

local function rate_key(job_type)
  return prefix .. 'queue:rate:' .. job_type
end

-- How many jobs of the type were claimed in the period that ends now. What is older is forgotten.
local function claimed_lately(job_type, period_ms)
  local key, since, old, lately = rate_key(job_type), tonumber(now) - tonumber(period_ms), 0, 0
  for _, entry in ipairs(redis.call('LRANGE', key, '0', '-1')) do
    local at, jobs = string.match(entry, '^(%d+) (%d+)$')
    if tonumber(at) > since then lately = lately + tonumber(jobs) elseif lately == 0 then old = old + 1 end
  end
  if old > 0 then redis.call('LTRIM', key, tostring(old), '-1') end
  return lately
end

-- How many jobs of the type may be taken.
local function room(job_type)
  if rules['pause:*'] or rules['pause:' .. job_type] then return 0 end
  local left, most = tonumber(limit), tonumber(rules['concurrency:' .. job_type])
  if most then
    local held = tonumber(redis.call('HGET', in_flight, job_type) or '0') + (held_more[job_type] or 0)
    left = math.min(left, most - held)
  end
  local jobs, period_ms = string.match(rules['rate:' .. job_type] or '', '^(%d+) (%d+)$')
  if jobs and left > 0 then left = math.min(left, tonumber(jobs) - claimed_lately(job_type, period_ms)) end
  return left
end

local more = swept >= tonumber(sweep_limit) and 'more' or 'last'
local popped, longest = {}, 0

-- Takes a step that fails where a key is of another kind than ours. A script that fails is not rolled back: what was popped goes back first.
-- The commands after these steps lose nothing: MGET takes a document of another kind for none, what holds the jobs has been read without a
-- failure by then, and for want of memory Redis refuses only the first write of a script.
local function step(take)
  local taken, result = pcall(take)
  if taken then return result end
  for _, of_type in ipairs(popped) do
    local back = {}
    for n = #of_type.entries, 1, -1 do back[#back + 1] = of_type.entries[n] end
    redis.pcall('LPUSH', of_type.queue, unpack(back))
  end
  pcall(write_tally)
  error(result, 0)
end

local function pop()
  for n = 1, type_count do
    -- Each command costs: none is spent on looking for a queue that is not there.
    if filled == 0 then break end
    local job_type, queue = ARGV[FIRST_TYPE + n], KEYS[FIRST_QUEUE + n]
    local left = room(job_type)
    local entries = left > 0 and redis.call('LPOP', queue, tostring(left))
    if entries then
      filled = filled - 1
      if #entries == tonumber(limit) then more = 'more' end
      popped[#popped + 1] = {job_type = job_type, queue = queue, entries = entries}
      longest = math.max(longest, #entries)
    end
  end
end

step(pop)

-- What is known of each popped job, a list each: a table a job would be most of this script's time.
local ids, job_keys, members, job_types, sources, seen = {}, {}, {}, {}, {}, {}
for turn = 1, longest do
  for _, of_type in ipairs(popped) do
    local id, job_type = of_type.entries[turn], of_type.job_type
    if not id then
      -- The type has no more.
    elseif seen[id] then
      count(job_type, 'repeated', 1)
    elseif #id > 200 or not string.find(id, '^[%w_.:%-]+$') then
      count(job_type, 'no_document', 1)
    else
      seen[id] = true
      local at = #ids + 1
      ids[at], job_keys[at], members[at] = id, prefix .. 'job:' .. id, job_type .. '/' .. id
      job_types[at], sources[at] = job_type, of_type.queue
    end
  end
end
if #ids == 0 then
  write_tally()
  return answer({}, more)
end

local values = step(function() return redis.call('HMGET', attempts, unpack(ids)) end)
-- Documents read at first, and at most by each command after it. Chosen: a claim of usual size is one command, and of the largest that we
-- write these are 8 and 20 MB.
local FIRST_READ, MOST_READ = 100, 250
local documents, read_to = {}, 0

local function read_documents(first, last)
  read_to = math.min(last, #ids)
  for n, document in ipairs(redis.call('MGET', unpack(job_keys, first, read_to))) do documents[first + n - 1] = document end
end

-- The claim itself is looked at by the same command, which costs none; what was popped can go back.
job_keys[0] = claim
read_documents(0, FIRST_READ)
local is_late = again ~= '1' and documents[0]
local lease_end = later(now, lease_ms)
local reply, begun_now, leases, record, stale = answer({}, more), {}, {}, {}, {}
local bytes, bytes_read, taken_of, left_from = 0, 0, {}, #ids + 1
for n, id in ipairs(ids) do
  if is_late or bytes >= max_bytes then
    left_from = n
    break
  end
  -- As many more as there is room for where they are as long as those before.
  if n > read_to then
    local room_for = math.ceil((max_bytes - bytes) * read_to / math.max(bytes_read, 1))
    read_documents(n, read_to + math.min(MOST_READ, room_for))
  end
  bytes_read = bytes_read + #(documents[n] or '')
  local job_type, document = job_types[n], documents[n]
  local begun, holder = read_attempts(values[n])
  if holder then
    count(job_type, 'repeated', 1)
  elseif not document then
    count(job_type, 'no_document', 1)
    stale[#stale + 1] = id
  else
    -- To write a number costs as much as a command; most jobs begin their first attempt.
    local attempt = begun == 0 and '1' or tostring(begun + 1)
    local at, pair = #reply, #leases
    reply[at + 1], reply[at + 2] = job_type, id
    reply[at + 3], reply[at + 4] = given(attempt, document)
    bytes = bytes + #reply[at + 4]
    begun_now[pair + 1], begun_now[pair + 2] = id, attempt .. ' ' .. claim_id
    leases[pair + 1], leases[pair + 2] = lease_end, members[n]
    record[#record + 1] = members[n]
    held_more[job_type] = (held_more[job_type] or 0) + 1
    taken_of[job_type] = (taken_of[job_type] or 0) + 1
  end
end
-- What is left goes back to the head of its queue, the last one first.
local back = {}
for n = #ids, left_from, -1 do
  local queue = sources[n]
  back[queue] = back[queue] or {}
  table.insert(back[queue], ids[n])
  reply[MORE] = 'more'
end
for job_type, jobs in pairs(taken_of) do
  local period_ms = string.match(rules['rate:' .. job_type] or '', '^%d+ (%d+)$')
  if period_ms then
    redis.call('RPUSH', rate_key(job_type), now .. ' ' .. jobs)
    -- An hour more than is needed: what ends a log too early lets too much through.
    redis.call('PEXPIRE', rate_key(job_type), later(period_ms, 3600000))
  end
end
for queue, given_back in pairs(back) do redis.call('LPUSH', queue, unpack(given_back)) end
if #stale > 0 then redis.call('HDEL', attempts, unpack(stale)) end
if #record > 0 then
  redis.call('HSET', attempts, unpack(begun_now))
  redis.call('ZADD', timers, unpack(leases))
  redis.call('SET', claim, table.concat(record, ' '), 'PX', lease_ms)
end
write_tally()
return reply
