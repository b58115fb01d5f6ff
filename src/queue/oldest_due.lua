--[[
oldest_due: the first job of each queue, and the timer that ran out first.

Our ids tell when their job was made. Where one does not, its document need not either: it is noted since when it has been seen at the head
of its queue.

KEYS[1] timers  zset  {type}/{id} by due time or lease end, ms
KEYS[2] heads   hash  type to the id of another producer's at the head of its queue, and when it was first seen there, ms
KEYS[3..]       list  the queues of the types

ARGV[1] now_ms   '' means the server's clock
ARGV[2] prefix   of every key
ARGV[3] keep_ms  how long it is kept what was seen
ARGV[4..]        the types

Returns {now, time of the timer or false, for each queue that has one: id, when it was first seen there, document or false, ...}
Writes  heads
Also touches job:{id} of the first id in each queue
Cost    O(types); commands: 3 + one a type, and 2 where an id is another producer's
]]
local timers, heads = KEYS[1], KEYS[2]
local now, prefix, keep_ms = now_ms(ARGV[1]), ARGV[2], ARGV[3]
local FIRST_QUEUE, FIRST_TYPE = 2, 3

local noted, stored = {}, redis.call('HGETALL', heads)
for n = 1, #stored, 2 do noted[stored[n]] = stored[n + 1] end

local first = redis.call('ZRANGEBYSCORE', timers, '-inf', now, 'WITHSCORES', 'LIMIT', '0', '1')
local reply, ids, seen, jobs = {now, first[2] or false}, {}, {}, {}
local new, gone, any_noted = {}, {}, false
for n = 1, #KEYS - FIRST_QUEUE do
  local id, job_type, since = redis.call('LINDEX', KEYS[FIRST_QUEUE + n], '0'), ARGV[FIRST_TYPE + n], now
  if id and not string.find(id, '^job%-%d+%-') then
    any_noted = true
    local known, ms = string.match(noted[job_type] or '', '^(.*) (%d+)$')
    if known == id then
      since = ms
    else
      new[#new + 1] = job_type
      new[#new + 1] = id .. ' ' .. now
    end
  elseif noted[job_type] then
    gone[#gone + 1] = job_type
  end
  if id then
    ids[#ids + 1] = id
    seen[#seen + 1] = since
    jobs[#jobs + 1] = prefix .. 'job:' .. id
  end
end
-- A Redis that takes no writes just now answers all the same.
if #new > 0 then redis.pcall('HSET', heads, unpack(new)) end
if #gone > 0 then redis.pcall('HDEL', heads, unpack(gone)) end
if any_noted then redis.pcall('PEXPIRE', heads, keep_ms) end
if #ids == 0 then return reply end
for n, document in ipairs(redis.call('MGET', unpack(jobs))) do
  reply[#reply + 1] = ids[n]
  reply[#reply + 1] = seen[n]
  reply[#reply + 1] = document
end
return reply
