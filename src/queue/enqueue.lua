--[[
enqueue: store jobs and make them ready, or set their timers.

A job whose document is there already is left as it is, so the call may be repeated. A job whose dedupe key is held by another is not
stored; the answer names the one that holds it. Such answers are counted, those of a repeated call too.

KEYS[1] timers      zset    {type}/{id} by due time, ms
KEYS[2] counters    hash    {type}:{event} to how often
KEYS[3..]           first the queues (list) of the types, then the jobs (string), then the dedupe keys (string)

ARGV[1] now_ms      '' means the server's clock
ARGV[2] window_ms   how long a dedupe key is held
ARGV[3] type_count
ARGV[4] job_count   at most 1,000
ARGV[5..]           the types; then for each job: id, index of its type, due, index of its dedupe key or 0, document
                    due is '' for at once, '+' and ms for so much later, or a time in ms

Returns for each job 'enqueued', id | 'duplicate', id of the first job
Writes  job:{id}, queue:{type}, timers, counters, dedupe:{type}:{key}
Cost    O(jobs); commands: 3 + one a type + one a dedupe key
]]
return store_jobs(now_ms(ARGV[1]), KEYS, 0, ARGV, 1)
