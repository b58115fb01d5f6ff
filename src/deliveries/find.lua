--[[
find: a stretch of all keys, for the e-mail addresses that jobs and escrows name.

There is no index of addresses: whoever reads the store should not find one. So a search walks through it, a stretch at a time.

ARGV[1] cursor  where the stretch begins; '0' is the beginning
ARGV[2] count   keys, about; at most 1,000
ARGV[3] prefix  of every key

Returns {cursor of the next stretch or '0', how many keys were looked at, 'job' or 'escrow', id, address as JSON,
         or 'sealed', id, document, ...}
Writes  nothing
Also touches job:{id} and escrow:{id} of the stretch
Cost    O(count); commands: 2, and one an escrow
]]
local cursor, count, prefix = ARGV[1], ARGV[2], ARGV[3]

local scanned = redis.call('SCAN', cursor, 'MATCH', prefix .. '*', 'COUNT', count)
local reply, jobs, job_ids = {scanned[1], tostring(#scanned[2])}, {}, {}

local function note(kind, id, address)
  reply[#reply + 1] = kind
  reply[#reply + 1] = id
  reply[#reply + 1] = address
end

local function after(key, start)
  local whole = prefix .. start
  if string.sub(key, 1, #whole) == whole then return string.sub(key, #whole + 1) end
end

for _, key in ipairs(scanned[2]) do
  local job, escrow = after(key, 'job:'), after(key, 'escrow:')
  if job then
    jobs[#jobs + 1] = key
    job_ids[#job_ids + 1] = job
  elseif escrow then
    local document = redis.pcall('HGET', key, 'document')
    if type(document) == 'string' then
      for party in string.gmatch(document, '"%a+Email"%s*:%s*("[^"]*")') do note('escrow', escrow, party) end
    end
  end
end
for from = 1, #jobs, 1000 do
  local to = math.min(from + 999, #jobs)
  for n, document in ipairs(redis.call('MGET', unpack(jobs, from, to))) do
    local id = job_ids[from + n - 1]
    if string.find(document or '', '{"$sealed":', 1, true) then note('sealed', id, document) end
    for address in string.gmatch(document or '', '"recipientEmail"%s*:%s*("[^"]*")') do note('job', id, address) end
    for several in string.gmatch(document or '', '"recipients"%s*:%s*(%b[])') do
      for address in string.gmatch(several, '"[^"]*"') do note('job', id, address) end
    end
  end
end
return reply
