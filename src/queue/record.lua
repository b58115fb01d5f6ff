--[[
record: the audit record of an operator's change, as a job. Joined before each script that makes one.
]]

-- Enqueues the job; an empty id means that nothing is to be recorded.
local function record_change(job, queue, counters, id, document)
  if id == '' then return end
  redis.call('SET', job, document)
  redis.call('RPUSH', queue, id)
  redis.call('HINCRBY', counters, 'audit_log_created:enqueued', '1')
end
