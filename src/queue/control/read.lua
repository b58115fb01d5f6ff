--[[
read_control: what operators have set, and how recovery is doing.

KEYS[1] control   hash  what operators set, see `control`
KEYS[2] recovery  hash  type to how many of its recovered jobs died again in a row

Returns {control as field, value ..., recovery as field, value ...}
Writes  nothing
Cost    O(fields)
]]
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}
