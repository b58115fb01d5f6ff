--[[
blank: put another text in the place of one, as long as nobody has changed it since it was read. It lives as long as it would have.

KEYS[1..] string or hash  what holds the texts

ARGV[1..] for each: field, '' for a string; the text as read; the text it shall have, '' removes a field

Returns for each 'blanked' | 'changed'
Writes  each key
Cost    O(keys); commands: 3 a key
]]
local answers = {}
for n, key in ipairs(KEYS) do
  local at = (n - 1) * 3
  local field, read, text = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local stored
  if field == '' then stored = redis.call('GET', key) else stored = redis.call('HGET', key, field) end
  answers[n] = 'changed'
  if stored == text or (not stored and text == '') then
    answers[n] = 'blanked'
  elseif stored == read and field ~= '' then
    answers[n] = 'blanked'
    if text == '' then redis.call('HDEL', key, field) else redis.call('HSET', key, field, text) end
  elseif stored == read then
    answers[n] = 'blanked'
    local left_ms = redis.call('PTTL', key)
    if left_ms > 0 then
      redis.call('SET', key, text, 'PX', tostring(left_ms))
    else
      redis.call('SET', key, text)
    end
  end
end
return answers
