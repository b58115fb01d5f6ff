--[[
oldest_due: the first job of each queue, and the timer that ran out first.

Our ids tell when their job was made. Where one does not, its document may; where neither does, it is noted since when it has been seen at
the head of its queue.

KEYS[1] timers  zset    {type}/{id} by due time or lease end, ms
KEYS[2] heads   string  for each such job at the head of a queue: {type}/{id}, and when it was first seen there, ms
KEYS[3..]       list    the queues of the types

ARGV[1] now_ms   '' means the server's clock
ARGV[2] prefix   of every key
ARGV[3] keep_ms  how long it is kept what was seen
ARGV[4..]        the types

Returns {now, time of the timer or false, for each queue that has one: id, when it was first seen there, document or false, ...}
Writes  heads
Also touches job:{id} of the first id in each queue
Cost    O(types); commands: 3 + one a type, and 1 while a job is noted or was until now
]]
local timers, heads = KEYS[1], KEYS[2]
local now, prefix, keep_ms = now_ms(ARGV[1]), ARGV[2], ARGV[3]
local FIRST_QUEUE, FIRST_TYPE = 2, 3
-- The fields of which one tells an age.
local TELLS = {createdAt = '"createdAt"', runAt = '"runAt"'}

-- Whether the id is one of ours: `JobId::created_at` reads it.
local function is_ours(id)
  local ms, tail = string.match(id, '^job%-(%d+)%-(.*)$')
  return ms and #ms <= 15 and #tail == 9
end

-- Whether a document tells when its job was made or is due: itself, not something in it.
local function tells_age(document)
  local bare = string.gsub(document, '\\.', '')
  bare = string.gsub(bare, '"([^"]*)"', function(text) return TELLS[text] or '""' end)
  bare = string.gsub(string.match(bare, '^%s*{(.*)}%s*$') or '', '%b{}', '')
  return string.find(bare, '"createdAt"%s*:%s*%d') or string.find(bare, '"runAt"%s*:%s*%d')
end

local first = redis.call('ZRANGEBYSCORE', timers, '-inf', now, 'WITHSCORES', 'LIMIT', '0', '1')
local ids, job_types, keys = {}, {}, {heads}
for n = 1, #KEYS - FIRST_QUEUE do
  local id = redis.call('LINDEX', KEYS[FIRST_QUEUE + n], '0')
  if id then
    ids[#ids + 1] = id
    job_types[#ids] = ARGV[FIRST_TYPE + n]
    keys[#keys + 1] = prefix .. 'job:' .. id
  end
end
-- What is noted comes with the documents, at the cost of no command where there are any.
local read = redis.call('MGET', unpack(keys))
local since = {}
for job, ms in string.gmatch(read[1] or '', '([^ ]+) (%d+)') do since[job] = ms end

local reply, notes = {now, first[2] or false}, {}
for n, id in ipairs(ids) do
  local document, seen = read[n + 1], now
  if document and not is_ours(id) and not tells_age(document) then
    local job = job_types[n] .. '/' .. id
    seen = since[job] or now
    notes[#notes + 1] = job .. ' ' .. seen
  end
  reply[#reply + 1] = id
  reply[#reply + 1] = seen
  reply[#reply + 1] = document
end
-- A Redis that takes no writes just now answers all the same.
if #notes > 0 then
  redis.pcall('SET', heads, table.concat(notes, ' '), 'PX', keep_ms)
elseif read[1] then
  redis.pcall('DEL', heads)
end
return reply
