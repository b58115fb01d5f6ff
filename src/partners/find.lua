--[[
find_endpoint: one endpoint, and how it does.

KEYS[1] partner   hash  endpoint id to document; email
KEYS[2] endpoint  hash  failing_since, disabled, disabled_at, notice

ARGV[1] id        of the endpoint

Returns {email or '', document or '', failing_since or '', disabled or '', disabled_at or '', notice or ''}
Writes  nothing
Cost    O(1); commands: 2
]]
local partner, endpoint, id = KEYS[1], KEYS[2], ARGV[1]

local known = redis.call('HMGET', partner, 'email', id)
local does = redis.call('HMGET', endpoint, 'failing_since', 'disabled', 'disabled_at', 'notice')
local reply = {known[1] or '', known[2] or ''}
for at = 1, 4 do reply[at + 2] = does[at] or '' end
return reply
