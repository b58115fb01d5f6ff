--[[
probe: whether Redis can be written to and read from, what it does when it is full, and when a processor was last at work.

KEYS[1] probe     string  written, read and removed again
KEYS[2] last_run  string  when a processor last noted that it ran, ms
KEYS[3] pending   list    what batches measured and is not in the sums yet

ARGV[1] now_ms   '' means the server's clock
ARGV[2] written  what is written

Returns {now, 'written' or 'lost', what Redis says of its memory or '', last_run or false, minute of the last batch or false}
Writes  probe
Cost    O(1); commands: 7
]]
local probe, last_run, pending = KEYS[1], KEYS[2], KEYS[3]
local now, written = now_ms(ARGV[1]), ARGV[2]

redis.call('SET', probe, written, 'PX', '60000')
local word = redis.call('GET', probe) == written and 'written' or 'lost'
redis.call('DEL', probe)
-- Not every server lets a script ask.
local memory = redis.pcall('INFO', 'memory')
if type(memory) ~= 'string' then memory = '' end
local batch = redis.call('LINDEX', pending, '-1')
return {now, word, memory, redis.call('GET', last_run), batch and string.match(batch, '^%d+') or false}
