--[[
prelude: what several scripts need. Joined before each of them.
]]

-- The time in ms, as text: the one given, or the server's where it is ''.
local function now_ms(fixed)
  if fixed ~= '' then return fixed end
  local time = redis.call('TIME')
  return string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
end

-- A time as text, so many ms later.
local function later(at, ms)
  return string.format('%.0f', tonumber(at) + tonumber(ms))
end
