--[[
find_dead_letters: dead letters by their ids.

KEYS[1] dead_letters  zset    id by time of death, ms
KEYS[2..]             string  the jobs

ARGV[1..] the ids, in the order of the jobs; at most 100

Returns for each job: time of death or false, document or false
Writes  nothing
Cost    O(jobs)
]]
local dead_letters = KEYS[1]

local died_at = redis.call('ZMSCORE', dead_letters, unpack(ARGV))
local reply = {}
for n, document in ipairs(redis.call('MGET', unpack(KEYS, 2))) do
  reply[#reply + 1] = died_at[n]
  reply[#reply + 1] = document
end
return reply
