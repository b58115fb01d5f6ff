--[[
suppressed: a page of the addresses that are not written to, those that end first.

KEYS[1] suppressed  zset  hash of an address by until when it is not written to, ms

ARGV[1] now_ms
ARGV[2] after_until    where the last page ended; '' begins
ARGV[3] after_address
ARGV[4] count          addresses, at most

Returns {address, until ...}
Writes  nothing
Cost    O(log suppressed + count); commands: 3
]]
local suppressed = KEYS[1]
local now, after_until, after_address, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local first = redis.call('ZCOUNT', suppressed, '-inf', now)
if after_until ~= '' then
  local rank = redis.call('ZRANK', suppressed, after_address)
  -- The last one shown was lifted in between: those of its time are shown again.
  local from = rank and rank + 1 or redis.call('ZCOUNT', suppressed, '-inf', '(' .. after_until)
  if from > first then first = from end
end
return redis.call('ZRANGE', suppressed, tostring(first), tostring(first + count - 1), 'WITHSCORES')
