--[[
admit: who calls, whether too often, whether again, and the escrow they call about, in one step.

Repeated after a lost answer it counts the call twice: the limit is on what arrives here.

KEYS[1] api_key  hash    role, partner, limit
KEYS[2] rate     string  when the window began, and how many calls it has had
KEYS[3] escrow   hash    version, state, document; the API key itself where none is asked for

ARGV[1] now_ms       '' means the server's clock
ARGV[2] window_ms
ARGV[3] limit        calls in a window, for a key that names none
ARGV[4] prefix       of every key
ARGV[5] request_key  the caller's idempotency key; '' where there is none
ARGV[6] with_escrow  '1' or ''

Returns {'unknown_key'} | {'limited', limit, ms until the window ends}
        | {'admitted', role, partner, limit, calls left, ms until the window ends, now,
           document or false, fingerprint or false, escrow id, started, status, body}
Writes  rate
Also touches idempotency:{role}-{partner}:{request_key}
Cost    O(1); commands: 5
]]
local api_key, rate, escrow = KEYS[1], KEYS[2], KEYS[3]
local now, window_ms, limit, prefix = now_ms(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local request_key, with_escrow = ARGV[5], ARGV[6]

local caller = redis.call('HMGET', api_key, 'role', 'partner', 'limit')
if not caller[1] or not caller[2] then return {'unknown_key'} end
limit = tonumber(caller[3] or '') or limit

local began, calls = string.match(redis.call('GET', rate) or '', '^(%d+) (%d+)$')
if not began or tonumber(now) - tonumber(began) >= window_ms then began, calls = now, '0' end
local ends_in = string.format('%.0f', tonumber(began) + window_ms - tonumber(now))
if tonumber(calls) >= limit then return {'limited', tostring(limit), ends_in} end
calls = tostring(tonumber(calls) + 1)
redis.call('SET', rate, began .. ' ' .. calls, 'PX', ARGV[2])

local document, record = false, {false, false, false, false, false}
if with_escrow == '1' then document = redis.call('HGET', escrow, 'document') end
if request_key ~= '' then
  local name = prefix .. 'idempotency:' .. caller[1] .. '-' .. caller[2] .. ':' .. request_key
  record = redis.call('HMGET', name, 'fingerprint', 'escrow', 'started', 'status', 'body')
end
local left = string.format('%.0f', limit - tonumber(calls))
return {
  'admitted', caller[1], caller[2], tostring(limit), left, ends_in, now,
  document, record[1], record[2], record[3], record[4], record[5],
}
