--[[
find_address: a stretch of all keys, for what names an e-mail address.

There is no index of addresses: whoever reads the store should not find one. So a search walks through it, a stretch at a time.

ARGV[1] cursor   where the stretch begins; '0' is the beginning
ARGV[2] count    keys, about; at most 100
ARGV[3] prefix   of every key
ARGV[4] address  in lower case
ARGV[5] hash     of the address
ARGV[6] sealed   '1' where the caller opens sealed payloads: then jobs that have one come too

Texts with escapes in them come even where they do not name it.

Returns {cursor of the next stretch or '0', how many keys were looked at, 'job', 'escrow', 'answer' or 'delivery', key, field or '', text, ...}
Writes  nothing
Also touches job:{id}, escrow:{id}, idempotency:{caller}:{key} and delivery:{id} of the stretch
Cost    O(count x size of a document); commands: 2, and one a key that is no job
]]
local cursor, count, prefix, address, hash, sealed = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6] == '1'
local FIELDS = {{'escrow:', 'escrow', 'document'}, {'idempotency:', 'answer', 'body'}}

local scanned = redis.call('SCAN', cursor, 'MATCH', prefix .. '*', 'COUNT', count)
local reply, jobs = {scanned[1], tostring(#scanned[2])}, {}

local function begins(key, start)
  local whole = prefix .. start
  return string.sub(key, 1, #whole) == whole
end

local function note(kind, key, field, text)
  for _, part in ipairs({kind, key, field, text}) do reply[#reply + 1] = part end
end

-- JSON may write any character as an escape: what has one comes too, for the caller to look into.
local slash = string.find(address, '/', 1, true)
local function names_it(text)
  if type(text) ~= 'string' then return false end
  return string.find(string.lower(text), address, 1, true) or string.find(text, '\\u', 1, true)
    or (slash and string.find(text, '\\/', 1, true))
end

for _, key in ipairs(scanned[2]) do
  if begins(key, 'job:') then
    jobs[#jobs + 1] = key
  elseif begins(key, 'delivery:') then
    local fields = redis.pcall('HGETALL', key)
    for n = 1, #fields, 2 do
      if fields[n + 1] == hash then note('delivery', key, fields[n], fields[n + 1]) end
    end
  else
    for _, known in ipairs(FIELDS) do
      local text = begins(key, known[1]) and redis.pcall('HGET', key, known[3])
      if names_it(text) then note(known[2], key, known[3], text) end
    end
  end
end
for from = 1, #jobs, 1000 do
  local to = math.min(from + 999, #jobs)
  for n, text in ipairs(redis.call('MGET', unpack(jobs, from, to))) do
    local may = sealed and type(text) == 'string' and string.find(text, '{"$sealed":', 1, true)
    if may or names_it(text) then note('job', jobs[from + n - 1], '', text) end
  end
end
return reply
