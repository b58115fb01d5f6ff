--[[
answer: write a request's answer into its record, or leave the record open for the next identical request.

KEYS[1] record  hash  the request's record

ARGV[1] status   of the answer; '' leaves the record open, and its end where it was
ARGV[2] body
ARGV[3] keep_ms  of an answer

Returns 'done' | 'answered_before' | 'unknown_record'
Writes  record
Cost    O(1)
]]
local record = KEYS[1]
local status, body, keep_ms = ARGV[1], ARGV[2], ARGV[3]

local stored = redis.call('HMGET', record, 'fingerprint', 'status')
if not stored[1] then return 'unknown_record' end
if stored[2] and stored[2] ~= '' then return 'answered_before' end
if status == '' then
  redis.call('HSET', record, 'started', '0')
else
  redis.call('HSET', record, 'status', status, 'body', body)
  redis.call('PEXPIRE', record, keep_ms)
end
return 'done'
