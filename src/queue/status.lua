--[[
status: what is known of one job.

KEYS[1] timers    zset    {type}/{id} by due time or lease end, ms
KEYS[2] attempts  hash    id to attempts begun, and the claim that holds it
KEYS[3] job       string  the job

ARGV[1] id
ARGV[2..]         the types it may be of

Returns {document or false, attempts or false, time of its timer or false}
Writes  nothing
Cost    O(types x log timers)
]]
local timers, attempts, job = KEYS[1], KEYS[2], KEYS[3]
local id = ARGV[1]

local members = {}
for n = 2, #ARGV do members[n - 1] = ARGV[n] .. '/' .. id end
local timer = false
for _, score in ipairs(redis.call('ZMSCORE', timers, unpack(members))) do
  if score then timer = score end
end
return {redis.call('GET', job), redis.call('HGET', attempts, id), timer}
