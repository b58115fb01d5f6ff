--[[
change_partner: make, change or remove one of a partner's endpoints, or set where it is told of them. Its audit record is a job of the same step.

A change counts only for the value that was read; one that depends on the other endpoints, only for the version that was read. One whose audit record is stored was made by an earlier try of this call.

KEYS[1] partner       hash    endpoint id to document; email; version
KEYS[2] endpoint      hash    how the endpoint does
KEYS[3] attempts      list    its attempts
KEYS[4] counters      hash    {type}:{event} to how often
KEYS[5] record_queue  list    the queue of audit records
KEYS[6] record        string  the job of this change's audit record

ARGV[1] field            the endpoint's id, or email
ARGV[2] read             the value that was read; '' where there was none
ARGV[3] value            the new one; '' removes it
ARGV[4] forgets          '1' where how the endpoint did is forgotten
ARGV[5] version          that was read; 'any' where the other endpoints do not matter
ARGV[6] record_id
ARGV[7] record_document

Returns 'changed' | 'outdated'
Writes  partner, endpoint, attempts, record, record_queue, counters
Cost    O(1); commands: 8
]]
local partner, endpoint, attempts, counters, record_queue, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local field, read, value, forgets, version, record_id, record_document = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]

if redis.call('EXISTS', record) == 1 then return 'changed' end
if (redis.call('HGET', partner, field) or '') ~= read then return 'outdated' end
if version ~= 'any' and (redis.call('HGET', partner, 'version') or '') ~= version then return 'outdated' end
if value == '' then
  redis.call('HDEL', partner, field)
  redis.call('DEL', endpoint, attempts)
else
  redis.call('HSET', partner, field, value)
  if forgets == '1' then redis.call('DEL', endpoint) end
end
redis.call('HINCRBY', partner, 'version', '1')
record_change(record, record_queue, counters, record_id, record_document)
return 'changed'
