--[[
revoke_key: let an API key in no more, from the next call on.

KEYS[1] api_key       hash    role, partner, start, created, limit
KEYS[2] known         zset    digest of every key by when it was created, ms
KEYS[3] counters      hash    {type}:{event} to how often
KEYS[4] record_queue  list    the queue of audit records
KEYS[5] record        string  the job of this change's audit record

ARGV[1] sha256
ARGV[2] record_id
ARGV[3] record_document

Returns 'revoked' | 'unknown_key'
Writes  api_key, known, counters, record, record_queue
Cost    O(log keys); commands: 6
]]
local api_key, known, counters, record_queue, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local sha256, record_id, record_document = ARGV[1], ARGV[2], ARGV[3]

-- The record is there once an earlier call of this very change has done it.
if redis.call('EXISTS', record) == 1 then return 'revoked' end
local was_there = redis.call('DEL', api_key)
local was_known = redis.call('ZREM', known, sha256)
if was_there + was_known == 0 then return 'unknown_key' end
record_change(record, record_queue, counters, record_id, record_document)
return 'revoked'
