--[[
fold: add what was measured to its sums. Joined before the scripts that measure or read.

What a batch measured is one text, '<minute> <field> <amount> ...', so that it costs one command; the sums are made when some have
come together. A field that begins with '@' is counted for its minute alone: all minutes of an hour stand in one hash, so that a day is
read by 25 commands.
]]

local FOLD_AT, KEEP_MINUTES_MS = 64, '691200000'

local function fold(pending, measures, prefix)
  local sums, minutes = {}, {}
  for _, entry in ipairs(redis.call('LRANGE', pending, '0', '255')) do
    local minute, rest = string.match(entry, '^(%d+) (.*)$')
    for at, field, amount in string.gmatch(rest or '', '(@?)([^ ]+) (%d+)') do
      local into = sums
      if at == '@' then
        minutes[minute] = minutes[minute] or {}
        into = minutes[minute]
      end
      into[field] = (into[field] or 0) + tonumber(amount)
    end
  end
  for field, amount in pairs(sums) do redis.call('HINCRBY', measures, field, string.format('%.0f', amount)) end
  for minute, fields in pairs(minutes) do
    local key = prefix .. 'stats:minutes:' .. string.format('%.0f', math.floor(tonumber(minute) / 60))
    local of_hour = string.format('%.0f:', tonumber(minute) % 60)
    for field, amount in pairs(fields) do redis.call('HINCRBY', key, of_hour .. field, string.format('%.0f', amount)) end
    redis.call('PEXPIRE', key, KEEP_MINUTES_MS)
  end
  redis.call('LTRIM', pending, '256', '-1')
end
