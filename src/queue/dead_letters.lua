--[[
dead_letters: the jobs that will not be tried again by themselves, newest first.

KEYS[1] dead_letters  zset  id by time of death, ms

ARGV[1] offset  dead letters passed over
ARGV[2] limit   dead letters looked at, at most 1,000
ARGV[3] prefix  of every key

Returns {id, time of death, document or false, ...}
Writes  nothing
Also touches job:{id} of each
Cost    O(offset + limit)
]]
local dead_letters = KEYS[1]
local offset, limit, prefix = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local last = string.format('%.0f', offset + limit - 1)
local found = redis.call('ZREVRANGE', dead_letters, ARGV[1], last, 'WITHSCORES')
if #found == 0 then return {} end
local jobs = {}
for n = 1, #found, 2 do jobs[#jobs + 1] = prefix .. 'job:' .. found[n] end
local reply = {}
for n, document in ipairs(redis.call('MGET', unpack(jobs))) do
  reply[#reply + 1] = found[n * 2 - 1]
  reply[#reply + 1] = found[n * 2]
  reply[#reply + 1] = document
end
return reply
