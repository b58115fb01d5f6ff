--[[
lift: let an address be written to again. Its audit record is a job of the same step.

A change whose audit record is stored was made by an earlier try of this call.

KEYS[1] suppressed    zset    hash of an address by until when it is not written to, ms
KEYS[2] counters      hash    {type}:{event} to how often
KEYS[3] record_queue  list    the queue of audit records
KEYS[4] record        string  the job of this change's audit record

ARGV[1] address          hash
ARGV[2] record_id
ARGV[3] record_document

Returns 'lifted' | 'not_suppressed'
Writes  suppressed, record, record_queue, counters
Cost    O(log suppressed); commands: 5
]]
local suppressed, counters, record_queue, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local address, record_id, record_document = ARGV[1], ARGV[2], ARGV[3]

if redis.call('EXISTS', record) == 1 then return 'lifted' end
if redis.call('ZREM', suppressed, address) == 0 then return 'not_suppressed' end
record_change(record, record_queue, counters, record_id, record_document)
return 'lifted'
