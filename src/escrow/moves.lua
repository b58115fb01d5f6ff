--[[
moves: the table of legal moves, the same as in domain/escrow/moves.rs. A test compares every pair of states.
]]

local MOVES = {
  {'create', '', 'created'},
  {'create', 'created', 'created cancelled'},
  {'authorize', 'created cancelled', 'authorized'},
  {'release', 'authorized', 'releasing'},
  {'release', 'releasing', 'released partially_refunded refunded charged_back authorized'},
  {'release', 'created authorized disputed cancelling cancelled', 'released partially_refunded refunded charged_back'},
  {'refund', 'authorized released partially_refunded', 'refunding'},
  {'refund', 'refunding', 'refunded partially_refunded charged_back authorized released'},
  {'refund', 'released partially_refunded', 'partially_refunded refunded'},
  {'refund_failed', 'refunded partially_refunded', 'partially_refunded released'},
  {'dispute', 'authorized', 'disputed'},
  {'resolve', 'disputed', 'resolving'},
  {'resolve', 'resolving', 'released refunded partially_refunded charged_back disputed'},
  {'cancel', 'created', 'cancelling'},
  {'cancel', 'created', 'cancelled'},
  {'cancel', 'cancelling', 'cancelled created authorized'},
  {'expire', 'authorized disputed releasing resolving', 'expired'},
  {'void', 'authorized disputed releasing resolving', 'refunded'},
  {'chargeback', 'released partially_refunded refunded', 'charged_back'},
  {'chargeback', 'charged_back', 'released partially_refunded refunded'},
}

local function names(list, state)
  return string.find(' ' .. list .. ' ', ' ' .. state .. ' ', 1, true) ~= nil
end

-- Whether `operation` may move an escrow from `from` to `to`; '' is one that is not there yet.
local function is_legal(from, to, operation)
  if operation == 'note' then return from ~= '' and from == to end
  for _, move in ipairs(MOVES) do
    local starts = from == '' and move[2] == '' or from ~= '' and names(move[2], from)
    if move[1] == operation and starts and names(move[3], to) then return true end
  end
  return false
end
