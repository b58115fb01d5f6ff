--[[
read_partner: a partner's endpoints, and how each does.

KEYS[1] partner  hash  endpoint id to document; email; version

ARGV[1] prefix   of every key

Returns {email or '', version or '', for each endpoint: id, document, failing_since or '', disabled or '', disabled_at or '', notice or '', ...}
Writes  nothing
Also touches endpoint:{id} of each
Cost    O(endpoints); commands: 1 + one an endpoint
]]
local partner, prefix = KEYS[1], ARGV[1]

local fields = redis.call('HGETALL', partner)
local reply = {'', ''}
for n = 1, #fields, 2 do
  if fields[n] == 'email' then
    reply[1] = fields[n + 1]
  elseif fields[n] == 'version' then
    reply[2] = fields[n + 1]
  else
    reply[#reply + 1] = fields[n]
    reply[#reply + 1] = fields[n + 1]
    local does = redis.call('HMGET', prefix .. 'endpoint:' .. fields[n], 'failing_since', 'disabled', 'disabled_at', 'notice')
    for at = 1, 4 do reply[#reply + 1] = does[at] or '' end
  end
end
return reply
