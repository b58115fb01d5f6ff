--[[
oldest_due: the first job of each queue, and the timer that ran out first.

KEYS[1] timers  zset  {type}/{id} by due time or lease end, ms
KEYS[2..]       list  the queues of the types

ARGV[1] now_ms  '' means the server's clock
ARGV[2] prefix  of every key

Returns {now, time of the timer or false, for each queue that has one: id, document or false, ...}
Writes  nothing
Also touches job:{id} of the first id in each queue
Cost    O(types)
]]
local timers = KEYS[1]
local now, prefix = now_ms(ARGV[1]), ARGV[2]

local first = redis.call('ZRANGEBYSCORE', timers, '-inf', now, 'WITHSCORES', 'LIMIT', '0', '1')
local reply, ids, jobs = {now, first[2] or false}, {}, {}
for n = 2, #KEYS do
  local id = redis.call('LINDEX', KEYS[n], '0')
  if id then
    ids[#ids + 1] = id
    jobs[#jobs + 1] = prefix .. 'job:' .. id
  end
end
if #ids == 0 then return reply end
for n, document in ipairs(redis.call('MGET', unpack(jobs))) do
  reply[#reply + 1] = ids[n]
  reply[#reply + 1] = document
end
return reply
