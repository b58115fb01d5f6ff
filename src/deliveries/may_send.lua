--[[
may_send: which of a job's recipients may be written to; of the others it is noted that nothing was sent.

KEYS[1] suppressed  zset  hash of an address by until when it is not written to, ms
KEYS[2] delivery    hash  '{recipient}:{event}' to when, ms

ARGV[1] now_ms
ARGV[2] keep_ms
ARGV[3..]           the hash of each recipient's address

Returns for each recipient 'send' | 'suppressed'
Writes  delivery
Cost    O(recipients x log suppressed); commands: 1
]]
local suppressed, delivery = KEYS[1], KEYS[2]
local now, keep_ms = ARGV[1], ARGV[2]

local addresses = {}
for n = 3, #ARGV do addresses[n - 2] = ARGV[n] end
local answers = {}
for n, until_ms in ipairs(redis.call('ZMSCORE', suppressed, unpack(addresses))) do
  answers[n] = 'send'
  if until_ms and tonumber(until_ms) > tonumber(now) then
    answers[n] = 'suppressed'
    redis.call('HSETNX', delivery, n .. ':suppressed', now)
    redis.call('PEXPIRE', delivery, keep_ms)
  end
end
return answers
