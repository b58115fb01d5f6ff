--[[
fan_out: split a webhook's job into one job an endpoint, once.

KEYS[1] children  string  the jobs it was split into
KEYS[2..]                 what store_jobs takes: timers, counters, queues, jobs, dedupe keys

ARGV[1] now_ms    '' means the server's clock
ARGV[2] keep_ms   of the list of children
ARGV[3] list      of the children: '<endpoint> <job>', one a line
ARGV[4..]         what store_jobs takes

Returns 'split'
Writes  children, job:{id}, queue:{type}, timers, counters, dedupe:{type}:{key}
Cost    O(endpoints); commands: 2 + those of store_jobs
]]
local children = KEYS[1]
local now, keep_ms, list = now_ms(ARGV[1]), ARGV[2], ARGV[3]

if redis.call('EXISTS', children) == 1 then return 'split' end
store_jobs(now, KEYS, 1, ARGV, 3)
redis.call('SET', children, list, 'PX', keep_ms)
return 'split'
