--[[
cancel: take back a job that nobody works on.

The document must be the one the caller read; otherwise it changed in between and the caller reads again.

KEYS[1] timers    zset    {type}/{id} by due time or lease end, ms
KEYS[2] attempts  hash    id to attempts begun, and the claim that holds it
KEYS[3] counters  hash    {type}:{event} to how often
KEYS[4] job       string  the job
KEYS[5] dedupe    string  its dedupe key; the job itself where it has none
KEYS[6..]         list    the queues: first of the job's type as its document tells it, then the others, for one that tells none or
                          another than the queue it was put into

ARGV[1] id
ARGV[2] read      the document as the caller read it
ARGV[3] document  the document of the cancelled job
ARGV[4] keep_ms   how long that is kept
ARGV[5..]         the types of the queues

Returns 'cancelled' | 'processing' | 'changed' | 'unknown_job'
Writes  job, timers, attempts, counters, queue:{type}, dedupe
Cost    O(queue): the job is looked for in its queue, and in the others where it is not there
]]
local timers, attempts, counters, job, dedupe = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, read, document, keep_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local FIRST_QUEUE, FIRST_TYPE = 5, 4

local stored = redis.call('GET', job)
if not stored then return 'unknown_job' end
if stored == document then return 'cancelled' end
if stored ~= read then return 'changed' end
local begun = redis.call('HGET', attempts, id)
if begun and string.find(begun, ' ', 1, true) then return 'processing' end

redis.call('SET', job, document, 'PX', keep_ms)
local job_type = ARGV[FIRST_TYPE + 1]
for n = 1, #KEYS - FIRST_QUEUE do
  local known = ARGV[FIRST_TYPE + n]
  local timed = redis.call('ZREM', timers, known .. '/' .. id)
  -- All its entries; meebis takes the count 0 for none at all.
  if timed + redis.call('LREM', KEYS[FIRST_QUEUE + n], '1000', id) > 0 then
    job_type = known
    break
  end
end
redis.call('HDEL', attempts, id)
if dedupe ~= job and redis.call('GET', dedupe) == id then redis.call('DEL', dedupe) end
redis.call('HINCRBY', counters, job_type .. ':cancelled', '1')
return 'cancelled'
