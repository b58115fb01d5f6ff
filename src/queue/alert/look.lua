--[[
look: what decides on alerts, and which are open; and a note that a processor is at work.

KEYS[1] dead_letters  zset    id by time of death, ms
KEYS[2] alerts        hash    alert to its state: 'open' or 'resolved', and who said so
KEYS[3] last_run      string  when a processor last noted that it ran, ms

ARGV[1] now_ms  '' means the server's clock

Returns {dead letters, state of dead_letters or false, state of oldest_due or false}
Writes  last_run
Cost    O(1); commands: 4
]]
local dead_letters, alerts, last_run = KEYS[1], KEYS[2], KEYS[3]

redis.call('SET', last_run, now_ms(ARGV[1]))
local states = redis.call('HMGET', alerts, 'dead_letters', 'oldest_due')
return {redis.call('ZCARD', dead_letters), states[1], states[2]}
