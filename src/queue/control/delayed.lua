--[[
delayed: the jobs that wait for their time, the next one first.

Leases and dead letters have timers too and are passed over, so a page may be short.

KEYS[1] timers    zset  {type}/{id} by due time or lease end, ms; dead_letter/{id} by its recovery or end
KEYS[2] attempts  hash  id to attempts begun, and the claim that holds it

ARGV[1] after_ms      the timer behind which the page begins: its time, '' for none
ARGV[2] after_member  and its name
ARGV[3] limit         timers looked at, at most 500

Returns {'more' or 'last', name and time of the last timer looked at or '', '', then type/id, due, attempts ...}
Writes  nothing
Cost    O(log timers + limit)
]]
local timers, attempts = KEYS[1], KEYS[2]
local after_ms, after_member, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])

local first = 0
if after_ms ~= '' then
  local score = redis.call('ZSCORE', timers, after_member)
  if score and tonumber(score) == tonumber(after_ms) then
    first = redis.call('ZRANK', timers, after_member) + 1
  else
    -- The timer is gone: those of the same millisecond may be shown twice, and none is left out.
    first = redis.call('ZCOUNT', timers, '-inf', '(' .. after_ms)
  end
end
local from, to = string.format('%.0f', first), string.format('%.0f', first + limit)
local found = redis.call('ZRANGE', timers, from, to, 'WITHSCORES')
local more = #found > limit * 2
local waiting, ids = {}, {}
for n = 1, math.min(#found, limit * 2), 2 do
  local job_type, id = string.match(found[n], '^([^/]+)/(.+)$')
  if job_type and job_type ~= 'dead_letter' then
    waiting[#waiting + 1] = {member = found[n], due = found[n + 1]}
    ids[#ids + 1] = id
  end
end
local last = math.min(#found, limit * 2)
local reply = {more and 'more' or 'last', found[last - 1] or '', found[last] or ''}
if #ids == 0 then return reply end
for n, begun in ipairs(redis.call('HMGET', attempts, unpack(ids))) do
  if not (begun and string.find(begun, ' ', 1, true)) then
    reply[#reply + 1] = waiting[n].member
    reply[#reply + 1] = waiting[n].due
    reply[#reply + 1] = begun or '0'
  end
end
return reply
