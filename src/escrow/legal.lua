--[[
legal: asks the table alone, for the test that compares it with the one in Rust.

ARGV[1] from       '' where there is none
ARGV[2] to
ARGV[3] operation

Returns 'legal' | 'illegal'
Writes  nothing
Cost    O(1)
]]
local from, to, operation = ARGV[1], ARGV[2], ARGV[3]

return is_legal(from, to, operation) and 'legal' or 'illegal'
