--[[
dead_letters: the jobs that will not be tried again by themselves, a page of them.

The page goes on exactly behind the place named, whatever was redriven, thrown away or died since, and however many died in
the same millisecond.

KEYS[1] dead_letters  zset  id by time of death, ms

ARGV[1] order      'newest' or 'oldest' first
ARGV[2] since      time of death, ms; '' is the beginning
ARGV[3] before     time of death, ms, from which on they are left out; '' is the end
ARGV[4] after_ms   the place behind which the page begins: time of death, '' for none
ARGV[5] after_id   and id
ARGV[6] limit      dead letters looked at, at most 1,000
ARGV[7] max_bytes  of documents, unless the first alone has more
ARGV[8] prefix     of every key

Returns {'more' or 'last', id, time of death, document or false, ...}
Writes  nothing
Also touches job:{id} of each
Cost    O(log dead letters + limit); commands: 4, and 15 where the job at the place is gone
]]
local dead_letters = KEYS[1]
local newest, since, before = ARGV[1] == 'newest', tonumber(ARGV[2]), tonumber(ARGV[3])
local after_ms, after_id = tonumber(ARGV[4]), ARGV[5]
local limit, max_bytes, prefix = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local RANGE, RANK = newest and 'ZREVRANGE' or 'ZRANGE', newest and 'ZREVRANK' or 'ZRANK'

local function text(number)
  return string.format('%.0f', number)
end

-- Whether the entry stands at the place named or before it.
local function is_passed(ms, id)
  if ms ~= after_ms then return (ms > after_ms) == newest end
  return id == after_id or (id > after_id) == newest
end

local function rank_of_gone()
  local low, high = 0, redis.call('ZCARD', dead_letters)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call(RANGE, dead_letters, text(middle), text(middle), 'WITHSCORES')
    if is_passed(tonumber(entry[2]), entry[1]) then low = middle + 1 else high = middle end
  end
  return low
end

local function first_rank()
  if after_ms then
    local score = redis.call('ZSCORE', dead_letters, after_id)
    if score and tonumber(score) == after_ms then return redis.call(RANK, dead_letters, after_id) + 1 end
    return rank_of_gone()
  end
  if newest and before then return redis.call('ZCOUNT', dead_letters, ARGV[3], '+inf') end
  if since and not newest then return redis.call('ZCOUNT', dead_letters, '-inf', '(' .. ARGV[2]) end
  return 0
end

local first = first_rank()
-- One more than asked for tells whether there are more.
local found = redis.call(RANGE, dead_letters, text(first), text(first + limit), 'WITHSCORES')
local ids, jobs, more = {}, {}, 'last'
for n = 1, #found, 2 do
  local died_at = tonumber(found[n + 1])
  if (newest and since and died_at < since) or (not newest and before and died_at >= before) then break end
  if #ids == limit then
    more = 'more'
    break
  end
  ids[#ids + 1] = found[n]
  jobs[#jobs + 1] = prefix .. 'job:' .. found[n]
end
local reply, bytes = {more}, 0
if #ids == 0 then return reply end
for n, document in ipairs(redis.call('MGET', unpack(jobs))) do
  bytes = bytes + (document and #document or 0)
  if n > 1 and bytes > max_bytes then
    reply[1] = 'more'
    break
  end
  reply[#reply + 1] = ids[n]
  reply[#reply + 1] = found[n * 2]
  reply[#reply + 1] = document
end
return reply
