--[[
note_attempt: note how one delivery to an endpoint went, and disable an endpoint that is gone or has failed for too long.

KEYS[1] attempts  list  its attempts, the newest first
KEYS[2] endpoint  hash  failing_since, failed_at, disabled, disabled_at, notice

ARGV[1] now_ms
ARGV[2] entry      the attempt, as JSON; no two are the same
ARGV[3] keep       attempts, at most
ARGV[4] went       'delivered' | 'failed' | 'gone'; '' where the endpoint is no partner's and is never disabled
ARGV[5] failing_ms for how long it may fail
ARGV[6] gap_ms     the longest time between two failures of one run

Returns {'noted' or 'disabled', disabled_at or ''}
Writes  attempts, endpoint
Cost    O(keep); commands: 6
]]
local attempts, endpoint = KEYS[1], KEYS[2]
local now, entry, keep, went, failing_ms, gap_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local noted = false
for _, known in ipairs(redis.call('LRANGE', attempts, '0', '9')) do
  if known == entry then noted = true end
end
if not noted then
  redis.call('LPUSH', attempts, entry)
  redis.call('LTRIM', attempts, '0', string.format('%.0f', tonumber(keep) - 1))
end
if went == '' then return {'noted', ''} end
if went == 'delivered' then
  redis.call('HDEL', endpoint, 'failing_since', 'failed_at')
  return {'noted', ''}
end
local does = redis.call('HMGET', endpoint, 'failing_since', 'failed_at', 'disabled_at')
if does[3] then return {'disabled', does[3]} end
local since = does[1]
-- Of the time between two failures far apart nothing is known: the later one begins anew.
if not since or not does[2] or tonumber(now) - tonumber(does[2]) > tonumber(gap_ms) then since = now end
redis.call('HSET', endpoint, 'failing_since', since, 'failed_at', now)
if went ~= 'gone' and tonumber(now) - tonumber(since) < tonumber(failing_ms) then return {'noted', ''} end
redis.call('HSET', endpoint, 'disabled', went == 'gone' and 'gone' or 'failing', 'disabled_at', now, 'notice', 'due')
return {'disabled', now}
