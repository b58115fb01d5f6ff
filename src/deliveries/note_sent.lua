--[[
note_sent: note that a mail was sent, so that another run of its job does not send it again.

KEYS[1] delivery  hash  '{recipient}:sent' to when, ms; '{recipient}:to' to the hash of the address; '{recipient}:message'

ARGV[1] now_ms
ARGV[2] keep_ms
ARGV[3] recipient  its place among the job's, from 1
ARGV[4] address    hash
ARGV[5] message    the provider's name of the mail; '' where it told none

Returns 'noted'
Writes  delivery
Cost    O(1); commands: 3
]]
local delivery = KEYS[1]
local now, keep_ms, recipient, address, message = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

redis.call('HSETNX', delivery, recipient .. ':sent', now)
if message == '' then
  redis.call('HSET', delivery, recipient .. ':to', address)
else
  redis.call('HSET', delivery, recipient .. ':to', address, recipient .. ':message', message)
end
redis.call('PEXPIRE', delivery, keep_ms)
return 'noted'
