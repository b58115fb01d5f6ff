--[[
redrive: bring dead letters back, each at the end of its queue.

A document must be the one the caller read, so a job is brought back once however often and by whomever it is asked for.

KEYS[1] timers        zset    {type}/{id} by due time or lease end, ms; dead_letter/{id} by its recovery or end
KEYS[2] attempts      hash    id to attempts begun, and the claim that holds it
KEYS[3] dead_letters  zset    id by time of death, ms
KEYS[4] counters      hash    {type}:{event} to how often
KEYS[5] record_queue  list    the queue of audit records
KEYS[6] record        string  the job of this change's audit record; any key of the others where there is none
KEYS[7..]             first the queues (list) of the types, then the jobs (string)

ARGV[1] whole       '1' for all of them or none
ARGV[2] event       what is counted: redriven, recovered
ARGV[3] record_id   '' for none
ARGV[4] record_document
ARGV[5] type_count
ARGV[6..]           the types; then for each job: id, index of its type, document as read, document of the living job

Returns for each job 'redriven' | 'changed' | 'processing' | 'not_dead', or 'ready' where another of the whole was refused
Writes  job:{id}, queue:{type}, timers, attempts, dead_letters, counters, record, record_queue
Cost    O(jobs x log timers); commands: 7 + two a type, and 4 for the record
]]
local timers, attempts, dead_letters, counters, record_queue, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local whole, event, record_id, record_document, type_count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local FIRST_QUEUE, FIRST_TYPE = 6, 5

local items = {}
for at = FIRST_TYPE + type_count, #ARGV - 4, 4 do
  items[#items + 1] = {
    id = ARGV[at + 1], type_index = tonumber(ARGV[at + 2]), read = ARGV[at + 3], document = ARGV[at + 4],
    key = KEYS[FIRST_QUEUE + type_count + #items + 1],
  }
end
local words = check_dead(dead_letters, attempts, items)
if is_made(record, record_id) then
  words_of_made(words, whole)
elseif may_write(words, whole) then
  local ids, ends, documents, ready = {}, {}, {}, {}
  for n, item in ipairs(items) do
    if words[n] == 'ready' then
      words[n] = 'done'
      ids[#ids + 1] = item.id
      ends[#ends + 1] = 'dead_letter/' .. item.id
      documents[#documents + 1] = item.key
      documents[#documents + 1] = item.document
      ready[item.type_index] = ready[item.type_index] or {}
      table.insert(ready[item.type_index], item.id)
    end
  end
  redis.call('MSET', unpack(documents))
  redis.call('ZREM', dead_letters, unpack(ids))
  redis.call('ZREM', timers, unpack(ends))
  redis.call('HDEL', attempts, unpack(ids))
  for index, back in pairs(ready) do
    redis.call('RPUSH', KEYS[FIRST_QUEUE + index], unpack(back))
    redis.call('HINCRBY', counters, ARGV[FIRST_TYPE + index] .. ':' .. event, tostring(#back))
  end
  record_change(record, record_queue, counters, record_id, record_document)
end
for n, word in ipairs(words) do
  if word == 'done' then words[n] = 'redriven' end
end
return words
