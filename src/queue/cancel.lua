--[[
cancel: take back a job that nobody works on.

The document must be the one the caller read; otherwise it changed in between and the caller reads again.

KEYS[1] timers    zset    {type}/{id} by due time or lease end, ms
KEYS[2] attempts  hash    id to attempts begun, and the claim that holds it
KEYS[3] counters  hash    {type}:{event} to how often
KEYS[4] queue     list    the queue of the job's type
KEYS[5] job       string  the job
KEYS[6] dedupe    string  its dedupe key; the job itself where it has none

ARGV[1] id
ARGV[2] job_type
ARGV[3] read      the document as the caller read it
ARGV[4] document  the document of the cancelled job
ARGV[5] keep_ms   how long that is kept

Returns 'cancelled' | 'processing' | 'changed' | 'unknown_job'
Writes  job, timers, attempts, counters, queue, dedupe
Cost    O(queue): the job is looked for in its queue
]]
local timers, attempts, counters, queue, job, dedupe = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, job_type, read, document, keep_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local stored = redis.call('GET', job)
if not stored then return 'unknown_job' end
if stored == document then return 'cancelled' end
if stored ~= read then return 'changed' end
local begun = redis.call('HGET', attempts, id)
if begun and string.find(begun, ' ', 1, true) then return 'processing' end

redis.call('SET', job, document, 'PX', keep_ms)
redis.call('ZREM', timers, job_type .. '/' .. id)
-- All its entries; meebis takes the count 0 for none at all.
redis.call('LREM', queue, '1000', id)
redis.call('HDEL', attempts, id)
if dedupe ~= job and redis.call('GET', dedupe) == id then redis.call('DEL', dedupe) end
redis.call('HINCRBY', counters, job_type .. ':cancelled', '1')
return 'cancelled'
