--[[
turn_alert: open or resolve an alert. Of several processors that see the same, one does it and tells.

KEYS[1] alerts  hash  alert to its state

ARGV[1] alert
ARGV[2] read    the state as the caller read it; '' where there was none
ARGV[3] state   the state it shall have

Returns 'turned' | 'changed'
Writes  alerts
Cost    O(1)
]]
local alerts, alert, read, state = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

local stored = redis.call('HGET', alerts, alert) or ''
if stored == state then return 'turned' end
if stored ~= read then return 'changed' end
redis.call('HSET', alerts, alert, state)
return 'turned'
