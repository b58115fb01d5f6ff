--[[
measured: the sums of all that was measured.

KEYS[1] pending   list  what batches measured and is not in the sums yet
KEYS[2] measures  hash  field to its sum

ARGV[1] prefix    of every key

Returns {field, sum ...}
Writes  pending, measures
Also touches stats:minutes:{hour} and stats:quarters:{day} of what was pending
Cost    O(fields)
]]
local pending, measures, prefix = KEYS[1], KEYS[2], ARGV[1]

if redis.call('EXISTS', pending) == 1 then fold(pending, measures, prefix) end
return redis.call('HGETALL', measures)
