--[[
may_send: which of a job's recipients are to be written to. Of those that are suppressed it is noted that nothing was sent.

KEYS[1] suppressed  zset  hash of an address by until when it is not written to, ms
KEYS[2] delivery    hash  '{recipient}:{event}' to when, ms; '{recipient}:to' to the hash of the address a mail was sent to

ARGV[1] now_ms
ARGV[2] keep_ms
ARGV[3] looks       '1' where an earlier run of the job may have sent some, and noted it
ARGV[4..]           the hash of each recipient's address

Returns for each recipient 'send' | 'suppressed' | 'sent'
Writes  delivery
Cost    O(recipients x log suppressed); commands: 1, or 2 where it looks
]]
local suppressed, delivery = KEYS[1], KEYS[2]
local now, keep_ms, looks = ARGV[1], ARGV[2], ARGV[3]

local addresses, fields, answers = {}, {}, {}
for n = 4, #ARGV do
  addresses[n - 3] = ARGV[n]
  fields[n - 3] = (n - 3) .. ':to'
end
local sent_to = looks == '1' and redis.call('HMGET', delivery, unpack(fields)) or {}
for n, until_ms in ipairs(redis.call('ZMSCORE', suppressed, unpack(addresses))) do
  answers[n] = 'send'
  if sent_to[n] == addresses[n] then
    answers[n] = 'sent'
  elseif until_ms and tonumber(until_ms) > tonumber(now) then
    answers[n] = 'suppressed'
    redis.call('HSETNX', delivery, n .. ':suppressed', now)
    if redis.call('PTTL', delivery) < tonumber(keep_ms) then redis.call('PEXPIRE', delivery, keep_ms) end
  end
end
return answers
