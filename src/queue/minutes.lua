--[[
minutes: what happened in each of the last slots of time, and to each type in all of them together.

A slot begins at a multiple of its length, so that it is the same whenever it is asked for; the last one is under way. Where whole quarters of
an hour will do, they are read: a day of minutes would hold the store up for a quarter of a second.

KEYS[1] pending   list  what batches measured and is not in the sums yet
KEYS[2] measures  hash  field to its sum

ARGV[1] now_ms        '' means the server's clock
ARGV[2] prefix        of every key
ARGV[3] slots         how many, at most 100
ARGV[4] slot_minutes  minutes of each

Returns {now, {slot, event or bucket, sum ...}, {type:event, sum ...}}; the first slot is 0
Writes  pending, measures
Also touches stats:minutes:{hour} and stats:quarters:{day} of what was pending, and of the slots
Cost    O(minutes or quarters x what happened); commands: one an hour or a day, and what is pending
]]
local pending, measures = KEYS[1], KEYS[2]
local now, prefix, slots, slot_minutes = now_ms(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

if redis.call('EXISTS', pending) == 1 then fold(pending, measures, prefix) end

local minute = math.floor(tonumber(now) / 60000)
local first = (math.floor(minute / slot_minutes) - slots + 1) * slot_minutes
local sums, of_types = {}, {}
local is_quarters = slot_minutes % 15 == 0
-- How many minutes a field and a key are about.
local unit, span = is_quarters and 15 or 1, is_quarters and 1440 or 60
local name_of = prefix .. (is_quarters and 'stats:quarters:' or 'stats:minutes:')
for at = math.floor(first / span), math.floor(minute / span) do
  local fields = redis.call('HGETALL', name_of .. string.format('%.0f', at))
  for n = 1, #fields, 2 do
    local place, name = string.match(fields[n], '^(%d+):(.+)$')
    local slot = place and math.floor((at * span + tonumber(place) * unit - first) / slot_minutes)
    if slot and slot >= 0 and slot < slots then
      local job_type, event = string.match(name, '^(%a[%w_]+):(%a+)$')
      local amount = tonumber(fields[n + 1])
      if job_type then of_types[name] = (of_types[name] or 0) + amount end
      sums[slot] = sums[slot] or {}
      sums[slot][event or name] = (sums[slot][event or name] or 0) + amount
    end
  end
end

local by_slot, by_type = {}, {}
for slot, names in pairs(sums) do
  for name, amount in pairs(names) do
    by_slot[#by_slot + 1] = tostring(slot)
    by_slot[#by_slot + 1] = name
    by_slot[#by_slot + 1] = string.format('%.0f', amount)
  end
end
for name, amount in pairs(of_types) do
  by_type[#by_type + 1] = name
  by_type[#by_type + 1] = string.format('%.0f', amount)
end
return {now, by_slot, by_type}
