--[[
note_told: note that a partner was told that its endpoint was disabled.

KEYS[1] endpoint  hash  failing_since, disabled, disabled_at, notice

Returns 'noted'
Writes  endpoint
Cost    O(1); commands: 1
]]
redis.call('HDEL', KEYS[1], 'notice')
return 'noted'
