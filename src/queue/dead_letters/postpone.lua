--[[
postpone: let dead letters come back by themselves later than they would have.

KEYS[1] timers        zset  {type}/{id} by due time or lease end, ms; dead_letter/{id} by its recovery or end
KEYS[2] dead_letters  zset  id by time of death, ms

ARGV[1] at_ms         when; the end of a dead letter where that is sooner
ARGV[2] keep_dead_ms  how long dead letters are kept
ARGV[3..]             the ids, at most 500

Returns 'postponed'
Writes  timers
Cost    O(ids x log timers)
]]
local timers, dead_letters = KEYS[1], KEYS[2]
local at_ms, keep_dead_ms = ARGV[1], ARGV[2]

local later_timers = {}
for n, died_at in ipairs(redis.call('ZMSCORE', dead_letters, unpack(ARGV, 3))) do
  if died_at then
    local ends = later(died_at, keep_dead_ms)
    later_timers[#later_timers + 1] = tonumber(ends) < tonumber(at_ms) and ends or at_ms
    later_timers[#later_timers + 1] = 'dead_letter/' .. ARGV[n + 2]
  end
end
if #later_timers > 0 then redis.call('ZADD', timers, unpack(later_timers)) end
return 'postponed'
