--[[
fold: add what was measured to its sums. Joined before the scripts that measure or read.

What a batch measured is one text, '<minute> <field> <amount> ...', so that it costs one command; the sums are made when some have
come together. A field that begins with '@' is counted for its minute, and for its quarter of an hour: all minutes of an hour stand in one
hash, and all quarters of a day in another, so that a chart of a day is read from two.

What is measured never keeps a script from its work. What waits is taken off before it is added up, so it is added once at most; what
cannot be added, such as a sum beyond 64 bits or a key of another type, is left out.
]]

local FOLD_AT, KEEP_MINUTES_MS = 64, '691200000'

local function fold(pending, measures, prefix)
  local sums, minutes = {}, {}
  local waiting = redis.pcall('LRANGE', pending, '0', '255')
  redis.pcall('LTRIM', pending, '256', '-1')
  for _, entry in ipairs(waiting) do
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
  for field, amount in pairs(sums) do redis.pcall('HINCRBY', measures, field, string.format('%.0f', amount)) end
  local function count(key, at, fields)
    for field, amount in pairs(fields) do
      redis.pcall('HINCRBY', key, string.format('%.0f:', at) .. field, string.format('%.0f', amount))
    end
    redis.pcall('PEXPIRE', key, KEEP_MINUTES_MS)
  end
  for minute, fields in pairs(minutes) do
    local hour, day = math.floor(tonumber(minute) / 60), math.floor(tonumber(minute) / 1440)
    count(prefix .. 'stats:minutes:' .. string.format('%.0f', hour), tonumber(minute) % 60, fields)
    count(prefix .. 'stats:quarters:' .. string.format('%.0f', day), math.floor(tonumber(minute) % 1440 / 15), fields)
  end
end
