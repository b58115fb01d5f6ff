--[[
create_key: let a new API key in.

A key's name is the digest of random bytes, so a second call with it is the first one repeated.

KEYS[1] api_key       hash    role, partner, start, created, limit
KEYS[2] known         zset    digest of every key by when it was created, ms
KEYS[3] counters      hash    {type}:{event} to how often
KEYS[4] record_queue  list    the queue of audit records
KEYS[5] record        string  the job of this change's audit record

ARGV[1] sha256
ARGV[2] role
ARGV[3] partner
ARGV[4] start          of the key: what a person knows it by
ARGV[5] created_ms
ARGV[6] limit          calls a minute; '' for the default
ARGV[7] most           keys there may be
ARGV[8] record_id
ARGV[9] record_document

Returns 'created' | 'full'
Writes  api_key, known, counters, record, record_queue
Cost    O(log keys); commands: 7
]]
local api_key, known, counters, record_queue, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local sha256, role, partner, start, created_ms, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local most, record_id, record_document = tonumber(ARGV[7]), ARGV[8], ARGV[9]

if redis.call('EXISTS', api_key) == 1 then return 'created' end
if redis.call('ZCARD', known) >= most then return 'full' end
redis.call('HSET', api_key, 'role', role, 'partner', partner, 'start', start, 'created', created_ms)
if limit ~= '' then redis.call('HSET', api_key, 'limit', limit) end
redis.call('ZADD', known, created_ms, sha256)
record_change(record, record_queue, counters, record_id, record_document)
return 'created'
