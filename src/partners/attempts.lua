--[[
attempts: an endpoint's attempts, and the jobs a webhook's job was split into.

KEYS[1] attempts  list    the newest first
KEYS[2..]         string  where a job is meant, what it was split into: '<endpoint> <job>', one a line

Returns {children or '', attempt ...}
Writes  nothing
Cost    O(attempts); commands: 2
]]
local attempts, children = KEYS[1], KEYS[2]

local reply = {children and redis.call('GET', children) or ''}
for _, attempt in ipairs(redis.call('LRANGE', attempts, '0', '-1')) do reply[#reply + 1] = attempt end
return reply
