--[[
control: set or remove what operators decide. It holds from the next claim on.

  pause:{type}        '1': no job of the type is claimed; `*` is every type
  rate:{type}         '<jobs> <period in ms>': at most so many are claimed in any such period
  concurrency:{type}  '<jobs>': at most so many are held at once
  recovery:{type}     'off': its dead letters do not come back by themselves; `*` is every type

A change counts only for the values that were read: its record tells them. One whose audit record is stored was made by an earlier try
of this call: another's since then stays.

KEYS[1] fields        hash    what is set; or type to how many of its recovered jobs died again in a row
KEYS[2] counters      hash    {type}:{event} to how often
KEYS[3] record_queue  list    the queue of audit records
KEYS[4] record        string  the job of this change's audit record

ARGV[1] record_id
ARGV[2] record_document
ARGV[3..]             field, value that was read, value ...; an empty value is none

Returns 'set' | 'changed'
Writes  fields, record, record_queue, counters
Cost    O(fields)
]]
local fields, counters, record_queue, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local record_id, record_document = ARGV[1], ARGV[2]

if redis.call('EXISTS', record) == 1 then return 'set' end
for n = 3, #ARGV, 3 do
  if (redis.call('HGET', fields, ARGV[n]) or '') ~= ARGV[n + 1] then return 'changed' end
end
for n = 3, #ARGV, 3 do
  if ARGV[n + 2] == '' then
    redis.call('HDEL', fields, ARGV[n])
  else
    redis.call('HSET', fields, ARGV[n], ARGV[n + 2])
  end
end
record_change(record, record_queue, counters, record_id, record_document)
return 'set'
