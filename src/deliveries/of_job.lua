--[[
of_job: what is known of a job's mails.

KEYS[1] delivery  hash  '{recipient}:{event}' to when, ms; '{recipient}:message', '{recipient}:why'

Returns {field, value ...}
Writes  nothing
Cost    O(fields); commands: 1
]]
return redis.call('HGETALL', KEYS[1])
