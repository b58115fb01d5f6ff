--[[
edit: give one dead letter another document. It stays dead, for as long as it would have.

KEYS[1] attempts      hash    id to attempts begun, and the claim that holds it
KEYS[2] dead_letters  zset    id by time of death, ms
KEYS[3] counters      hash    {type}:{event} to how often
KEYS[4] record_queue  list    the queue of audit records
KEYS[5] record        string  the job of this change's audit record; any key of the others where there is none
KEYS[6] job           string  the job

ARGV[1] id
ARGV[2] job_type
ARGV[3] read       the document as the caller read it
ARGV[4] document   the document it shall have
ARGV[5] record_id  '' for none
ARGV[6] record_document

Returns 'edited' | 'changed' | 'processing' | 'not_dead'
Writes  job, counters, record, record_queue
Cost    O(1)
]]
local attempts, dead_letters, counters, record_queue, record, job = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, job_type, read, document, record_id, record_document = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

if is_made(record, record_id) then return 'edited' end
local word = check_dead(dead_letters, attempts, {{id = id, key = job, read = read, document = document}})[1]
if word == 'done' then return 'edited' end
if word ~= 'ready' then return word end
local left_ms = redis.call('PTTL', job)
if left_ms > 0 then
  redis.call('SET', job, document, 'PX', tostring(left_ms))
else
  redis.call('SET', job, document)
end
redis.call('HINCRBY', counters, job_type .. ':edited', '1')
record_change(record, record_queue, counters, record_id, record_document)
return 'edited'
