--[[
append: write one audit record behind the newest.

A job that has its record gets no second one. A record whose predecessor is no longer the newest is not written: its writer
learns the head and hashes again. The first record follows 64 zeros.

KEYS[1] audit     stream  the records
KEYS[2] head      string  hash of the newest record
KEYS[3] job       string  stream id of the record the job wrote

ARGV[1] previous  hash of the record this one follows
ARGV[2] time      of the event, ms
ARGV[3] job_id
ARGV[4] event     JSON, as it came
ARGV[5] hash      of this record
ARGV[6] keep_ms   how long the job is known to have its record

Returns {'appended', stream_id} | {'recorded_before', stream_id, time, previous, hash} | {'recorded_before', stream_id} where the record is gone
        | {'head_moved', head}
Writes  audit, head, job
Cost    O(1); commands: 5
]]
local audit, head, job = KEYS[1], KEYS[2], KEYS[3]
local previous, time, job_id, event, hash, keep_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local recorded = redis.call('GET', job)
if recorded then
  local answer, known = {'recorded_before', recorded}, {}
  local entry = redis.call('XRANGE', audit, recorded, recorded)[1]
  if entry then
    for n = 1, #entry[2], 2 do known[entry[2][n]] = entry[2][n + 1] end
    answer = {'recorded_before', recorded, known.time, known.previous, known.hash}
  end
  return answer
end

local newest = redis.call('GET', head) or string.rep('0', 64)
if newest ~= previous then return {'head_moved', newest} end

local stream_id = redis.call('XADD', audit, '*', 'time', time, 'job_id', job_id, 'event', event, 'previous', previous, 'hash', hash)
redis.call('SET', head, hash)
redis.call('SET', job, stream_id, 'PX', keep_ms)
return {'appended', stream_id}
