--[[
page: read audit records in their order, with the head of that moment.

KEYS[1] audit  stream  the records
KEYS[2] head   string  hash of the newest record

ARGV[1] after  stream id of the last record read; '-' begins
ARGV[2] count  records, at most

Returns {head or '', {{stream_id, {field, value, ...}}, ...}}
Writes  nothing
Cost    O(count); commands: 2
]]
local audit, head = KEYS[1], KEYS[2]
local after, count = ARGV[1], ARGV[2]

local first = after
if after ~= '-' then first = '(' .. after end
return {redis.call('GET', head) or '', redis.call('XRANGE', audit, first, '+', 'COUNT', count)}
