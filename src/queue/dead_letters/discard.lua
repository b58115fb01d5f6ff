--[[
discard: throw dead letters away. Their dedupe keys are free again; their documents can be read for a while.

KEYS[1] timers        zset    {type}/{id} by due time or lease end, ms; dead_letter/{id} by its recovery or end
KEYS[2] attempts      hash    id to attempts begun, and the claim that holds it
KEYS[3] dead_letters  zset    id by time of death, ms
KEYS[4] counters      hash    {type}:{event} to how often
KEYS[5] record_queue  list    the queue of audit records
KEYS[6] record        string  the job of this change's audit record; any key of the others where there is none
KEYS[7..]             first the jobs (string), then the dedupe key of each, or the job itself where it has none

ARGV[1] whole       '1' for all of them or none
ARGV[2] keep_ms     how long the documents are kept
ARGV[3] record_id   '' for none
ARGV[4] record_document
ARGV[5..]           for each job: id, type, document as read, document of the job thrown away

Returns for each job 'discarded' | 'changed' | 'processing' | 'not_dead', or 'ready' where another of the whole was refused
Writes  job:{id}, timers, attempts, dead_letters, counters, dedupe:{type}:{key}, record, record_queue
Cost    O(jobs x log timers); commands: 7 + one a job and type, one a dedupe key, and 4 for the record
]]
local timers, attempts, dead_letters, counters, record_queue, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local whole, keep_ms, record_id, record_document = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local FIRST_JOB, FIRST_ITEM = 6, 4
local job_count = (#KEYS - FIRST_JOB) / 2

local items, dedupes = {}, {}
for n = 1, job_count do
  local at = FIRST_ITEM + (n - 1) * 4
  items[n] = {
    id = ARGV[at + 1], job_type = ARGV[at + 2], read = ARGV[at + 3], document = ARGV[at + 4], key = KEYS[FIRST_JOB + n],
    dedupe = KEYS[FIRST_JOB + job_count + n],
  }
  dedupes[n] = items[n].dedupe
end
local words = check_dead(dead_letters, attempts, items)
if is_made(record, record_id) then
  words_of_made(words, whole)
elseif may_write(words, whole) then
  local holders = redis.call('MGET', unpack(dedupes))
  local ids, ends, tally = {}, {}, {}
  for n, item in ipairs(items) do
    if words[n] == 'ready' then
      words[n] = 'done'
      redis.call('SET', item.key, item.document, 'PX', keep_ms)
      if item.dedupe ~= item.key and holders[n] == item.id then redis.call('DEL', item.dedupe) end
      ids[#ids + 1] = item.id
      ends[#ends + 1] = 'dead_letter/' .. item.id
      tally[item.job_type] = (tally[item.job_type] or 0) + 1
    end
  end
  redis.call('ZREM', dead_letters, unpack(ids))
  redis.call('ZREM', timers, unpack(ends))
  redis.call('HDEL', attempts, unpack(ids))
  for job_type, times in pairs(tally) do redis.call('HINCRBY', counters, job_type .. ':discarded', tostring(times)) end
  record_change(record, record_queue, counters, record_id, record_document)
end
for n, word in ipairs(words) do
  if word == 'done' then words[n] = 'discarded' end
end
return words
