--[[
transition: move an escrow, with its side effects and the request's record, in one step.

It counts only for the version the caller read, and only if the table has the move. The same transition repeated after a lost answer
changes nothing and answers as the first time.

KEYS[1] escrow    hash    version, state, document
KEYS[2] record    hash    the request's record; the escrow itself where there is none
KEYS[3] event     string  the event's mark; the escrow itself where there is none
KEYS[4] attempts  hash    id to attempts begun, and the claim that holds it
KEYS[5..]                 the jobs (string) to be withdrawn; then what store_jobs takes: timers, counters, queues, jobs, dedupe keys

ARGV[1]  now_ms          '' means the server's clock
ARGV[2]  operation
ARGV[3]  read            the version the caller read; '' where there must be none
ARGV[4]  from            its state; '' where there must be none
ARGV[5]  version         the next one
ARGV[6]  to              its state
ARGV[7]  document        its document
ARGV[8]  record_action   'begin' a record, 'answer' the request, '' for neither
ARGV[9]  fingerprint     of the request
ARGV[10] id              of the escrow
ARGV[11] status          of the answer; '' where there is none yet
ARGV[12] body            of the answer
ARGV[13] keep_record_ms
ARGV[14] keep_event_ms   '' where there is no event
ARGV[15] withdraw_count
ARGV[16] keep_job_ms
ARGV[17..]               for each job to be withdrawn: id, type, document; then what store_jobs takes

Returns {'done'} | {'changed', version, state, document} | {'begun_before'} | {'illegal'}
Writes  escrow, record, event, timers, attempts, counters, job:{id}, queue:{type}, dedupe:{type}:{key}
Cost    O(jobs); commands: 7 + 5 a withdrawn job + those of store_jobs
]]
local escrow, record, event, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, operation, read, from = now_ms(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local version, to, document = ARGV[5], ARGV[6], ARGV[7]
local record_action, fingerprint, id, status, body = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local keep_record_ms, keep_event_ms = ARGV[13], ARGV[14]
local withdraw_count, keep_job_ms = tonumber(ARGV[15]), ARGV[16]
local first_withdrawn_key, first_withdrawn_arg = 4, 16
local first_stored_key, first_stored_arg = first_withdrawn_key + withdraw_count, first_withdrawn_arg + withdraw_count * 3

local stored = redis.call('HMGET', escrow, 'version', 'state', 'document')
if stored[1] == version and stored[3] == document then return {'done'} end
if (stored[1] or '') ~= read then return {'changed', stored[1], stored[2], stored[3]} end
if (stored[2] or '') ~= from or not is_legal(from, to, operation) then return {'illegal'} end
if record_action == 'begin' and redis.call('EXISTS', record) == 1 then return {'begun_before'} end

redis.call('HSET', escrow, 'version', version, 'state', to, 'document', document)
if record_action == 'begin' then
  redis.call('HSET', record, 'fingerprint', fingerprint, 'escrow', id, 'started', now, 'status', status, 'body', body)
  redis.call('PEXPIRE', record, keep_record_ms)
elseif record_action == 'answer' then
  redis.call('HSET', record, 'fingerprint', fingerprint, 'escrow', id, 'status', status, 'body', body)
  redis.call('PEXPIRE', record, keep_record_ms)
end
if keep_event_ms ~= '' then redis.call('SET', event, '1', 'PX', keep_event_ms) end
local timers, counters = KEYS[first_stored_key + 1], KEYS[first_stored_key + 2]
for n = 1, withdraw_count do
  local at = first_withdrawn_arg + (n - 1) * 3
  withdraw(timers, attempts, counters, KEYS[first_withdrawn_key + n], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], keep_job_ms)
end
store_jobs(now, KEYS, first_stored_key, ARGV, first_stored_arg)
return {'done'}
