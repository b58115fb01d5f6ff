--[[
check: which dead letters may be changed. Joined before each script that changes some.
]]

-- A word for each item {id, key, read, document}: 'ready'; 'done', where an earlier call of this very change did it; 'changed',
-- where the document is no longer the one that was read; 'processing', where a claim holds it all the same; 'not_dead'.
local function check_dead(dead_letters, attempts, items)
  local ids, keys, words = {}, {}, {}
  for n, item in ipairs(items) do ids[n], keys[n] = item.id, item.key end
  local stored = redis.call('MGET', unpack(keys))
  local died_at = redis.call('ZMSCORE', dead_letters, unpack(ids))
  local begun = redis.call('HMGET', attempts, unpack(ids))
  for n, item in ipairs(items) do
    if stored[n] == item.document then
      words[n] = 'done'
    elseif not stored[n] or not died_at[n] then
      words[n] = 'not_dead'
    elseif stored[n] ~= item.read then
      words[n] = 'changed'
    elseif begun[n] and string.find(begun[n], ' ', 1, true) then
      words[n] = 'processing'
    else
      words[n] = 'ready'
    end
  end
  return words
end

-- Whether anything is to be written: all or none of it where `whole` is '1'.
local function may_write(words, whole)
  local any, refused = false, false
  for _, word in ipairs(words) do
    any = any or word == 'ready'
    refused = refused or (word ~= 'ready' and word ~= 'done')
  end
  return any and not (refused and whole == '1')
end

-- Whether an earlier call of this very change made it: then its audit record is stored, and nothing more is to be written.
local function is_made(record, record_id)
  return record_id ~= '' and redis.call('EXISTS', record) == 1
end

-- The words of a change that is made, whatever became of the jobs since: a whole was all done, of others what is dead no longer.
local function words_of_made(words, whole)
  for n, word in ipairs(words) do
    if whole == '1' or word == 'not_dead' then words[n] = 'done' end
  end
end
