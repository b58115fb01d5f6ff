--[[
read_alerts: what decides on alerts, and which are open.

KEYS[1] dead_letters  zset  id by time of death, ms
KEYS[2] alerts        hash  alert to its state: 'open' or 'resolved', and who said so

Returns {dead letters, state of dead_letters or false, state of oldest_due or false}
Writes  nothing
Cost    O(1)
]]
local states = redis.call('HMGET', KEYS[2], 'dead_letters', 'oldest_due')
return {redis.call('ZCARD', KEYS[1]), states[1], states[2]}
