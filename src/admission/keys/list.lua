--[[
list_keys: the API keys, oldest first, a page of them.

KEYS[1] known  zset  digest of every key by when it was created, ms

ARGV[1] first   how many are passed over
ARGV[2] limit   keys in the page, at most 500
ARGV[3] prefix  of every key

Returns {digest, created, role or false, partner or false, start or false, limit or false, ...}
Writes  nothing
Also touches apikey:{sha256} of each
Cost    O(log keys + limit); commands: 2 + one a key
]]
local known = KEYS[1]
local first, limit, prefix = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local last = string.format('%.0f', first + limit - 1)
local found = redis.call('ZRANGE', known, ARGV[1], last, 'WITHSCORES')
local reply = {}
for n = 1, #found, 2 do
  local fields = redis.call('HMGET', prefix .. 'apikey:' .. found[n], 'role', 'partner', 'start', 'limit')
  reply[#reply + 1] = found[n]
  reply[#reply + 1] = found[n + 1]
  for field = 1, 4 do reply[#reply + 1] = fields[field] end
end
return reply
