--[[
stats: how much of everything there is.

KEYS[1] timers        zset    {type}/{id} by due time or lease end, ms; dead_letter/{id} by its end
KEYS[2] in_flight     hash    type to leases held
KEYS[3] dead_letters  zset    id by time of death, ms
KEYS[4] counters      hash    {type}:{event} to how often
KEYS[5..]             list    the queues of the types

Returns {dead letters, timers, in flight as field, value ..., counters as field, value ..., length of each queue ...}
Writes  nothing
Cost    O(types)
]]
local timers, in_flight, dead_letters, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local reply = {
  redis.call('ZCARD', dead_letters), redis.call('ZCARD', timers),
  redis.call('HGETALL', in_flight), redis.call('HGETALL', counters),
}
for n = 5, #KEYS do reply[n] = redis.call('LLEN', KEYS[n]) end
return reply
