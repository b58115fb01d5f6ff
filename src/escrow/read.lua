--[[
read: an escrow, and whether an event was taken in before.

KEYS[1] escrow  hash    version, state, document
KEYS[2] event   string  the event's mark; the escrow itself where there is none

ARGV[1] with_event  '1' or ''

Returns {document or false, 'seen' or 'new'}
Writes  nothing
Cost    O(1)
]]
local escrow, event = KEYS[1], KEYS[2]
local with_event = ARGV[1]

local mark = with_event == '1' and redis.call('EXISTS', event) == 1
return {redis.call('HGET', escrow, 'document'), mark and 'seen' or 'new'}
