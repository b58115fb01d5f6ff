--[[
take_in: note what happened to a mail, once, in any order.

Of each sort of event the earliest time is kept. An event that was taken in before changes nothing; the same call repeated after a lost
answer answers as the first time.

KEYS[1] delivery    hash    '{recipient}:{event}' to when, ms; '{recipient}:message', '{recipient}:why'
KEYS[2] job         string  the job the mail was of
KEYS[3] suppressed  zset    hash of an address by until when it is not written to, ms
KEYS[4] measures    hash    field to the sum of what was measured
KEYS[5..]           string  the event's marks: the call that took it in, and its answer

ARGV[1]  call          a name of this call, the same when it is repeated
ARGV[2]  now_ms
ARGV[3]  recipient     its place among the job's, from 1
ARGV[4]  event
ARGV[5]  at            when it happened, ms
ARGV[6]  message       the provider's name of the mail; '' where it told none
ARGV[7]  why           what it said beside; '' where it said nothing
ARGV[8]  keep_ms       of what is known of the job's mails
ARGV[9]  keep_mark_ms  of the event's marks
ARGV[10] address       hash of the address to be suppressed; '' for none
ARGV[11] until_ms      until when

Returns 'noted' | 'unknown_job' | 'duplicate'
Writes  delivery, suppressed, measures, marks
Cost    O(log suppressed); commands: 7 + 2 a mark
]]
local delivery, job, suppressed, measures = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call, now, recipient, event, at = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local message, why, keep_ms, keep_mark_ms = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local address, until_ms = ARGV[10], ARGV[11]

for n = 5, #KEYS do
  local mark = redis.call('GET', KEYS[n])
  if mark then
    local by, answer = string.match(mark, '^(.-) (.*)$')
    return by == call and answer or 'duplicate'
  end
end

local answer = redis.call('EXISTS', job, delivery) > 0 and 'noted' or 'unknown_job'
for n = 5, #KEYS do redis.call('SET', KEYS[n], call .. ' ' .. answer, 'PX', keep_mark_ms) end
redis.call('HINCRBY', measures, 'mail_event:' .. event, '1')
if address ~= '' then
  redis.call('ZREMRANGEBYSCORE', suppressed, '-inf', now)
  local known = redis.call('ZSCORE', suppressed, address)
  if not known or tonumber(until_ms) > tonumber(known) then redis.call('ZADD', suppressed, until_ms, address) end
end
if answer == 'unknown_job' then return answer end

local field = recipient .. ':' .. event
local noted = redis.call('HGET', delivery, field)
if not noted or tonumber(at) < tonumber(noted) then redis.call('HSET', delivery, field, at) end
if message ~= '' then redis.call('HSET', delivery, recipient .. ':message', message) end
if why ~= '' then redis.call('HSET', delivery, recipient .. ':why', why) end
-- What was noted when it was sent may have to be kept for longer.
if redis.call('PTTL', delivery) < tonumber(keep_ms) then redis.call('PEXPIRE', delivery, keep_ms) end
return answer
