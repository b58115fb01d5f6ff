--[[
max_attempts: give a job that nobody works on another number of attempts.

The document must be the one the caller read; otherwise it changed in between and the caller reads again.

KEYS[1] attempts      hash    id to attempts begun, and the claim that holds it
KEYS[2] counters      hash    {type}:{event} to how often
KEYS[3] record_queue  list    the queue of audit records
KEYS[4] record        string  the job of this change's audit record
KEYS[5] job           string  the job

ARGV[1] id
ARGV[2] read       the document as the caller read it
ARGV[3] document   the document with the other number
ARGV[4] record_id
ARGV[5] record_document

Returns 'set' | 'processing' | 'changed' | 'unknown_job'
Writes  job, record, record_queue, counters
Cost    O(1)
]]
local attempts, counters, record_queue, record, job = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, read, document, record_id, record_document = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local stored = redis.call('GET', job)
if not stored then return 'unknown_job' end
if stored == document then return 'set' end
if stored ~= read then return 'changed' end
local begun = redis.call('HGET', attempts, id)
if begun and string.find(begun, ' ', 1, true) then return 'processing' end
redis.call('SET', job, document)
record_change(record, record_queue, counters, record_id, record_document)
return 'set'
