--[[
withdraw: take back a job that waits for its time. Joined before the scripts that make such a job needless.
]]

-- Takes a job back while its timer runs and nobody holds it. Another is left alone: it will find nothing to do.
local function withdraw(timers, attempts, counters, job, id, job_type, document, keep_ms)
  local begun = redis.call('HGET', attempts, id)
  if begun and string.find(begun, ' ', 1, true) then return end
  if redis.call('ZREM', timers, job_type .. '/' .. id) == 0 then return end
  redis.call('SET', job, document, 'PX', keep_ms)
  if begun then redis.call('HDEL', attempts, id) end
  redis.call('HINCRBY', counters, job_type .. ':cancelled', '1')
end
