//! The table of legal moves: from where to where, by which operation, by whom. `escrow/moves.lua` has the same; a test compares them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::State;
use State::{
    Authorized, Cancelled, Cancelling, ChargedBack, Created, Disputed, Expired, PartiallyRefunded, Refunded, Refunding,
    Released, Releasing, Resolving,
};

/// What moves an escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// It comes into being, and its payment at Stripe.
    Create,
    /// The buyer pays: Stripe holds the money.
    Authorize,
    /// The seller gets the money.
    Release,
    /// The buyer gets money back.
    Refund,
    /// A refund came back from the buyer's bank.
    RefundFailed,
    /// A party objects.
    Dispute,
    /// The objection is decided.
    Resolve,
    /// It ends before anything was paid.
    Cancel,
    /// The authorisation runs out.
    Expire,
    /// The payment was cancelled at Stripe by somebody else.
    Void,
    /// The buyer's bank takes the money back, or gives it back again.
    Chargeback,
    /// Something was learnt that moves nothing.
    Note,
}

/// What a caller may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A shop, for its own escrows.
    Partner,
    /// The operator, for all; may do what a partner may.
    Admin,
}

/// Who moves an escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A caller of at least this role.
    Caller(Role),
    /// What Stripe did or said.
    Stripe,
}

/// Legal moves of one operation: from each of `from` to each of `to`.
#[derive(Clone, Copy, Debug)]
pub struct Moves {
    /// What moves it.
    pub operation: Operation,
    /// From where; empty means that it is not there yet.
    pub from: &'static [State],
    /// To where.
    pub to: &'static [State],
    /// By whom.
    pub by: By,
}

const fn caller(role: Role, operation: Operation, from: &'static [State], to: &'static [State]) -> Moves {
    Moves { operation, from, to, by: By::Caller(role) }
}

const fn stripe(operation: Operation, from: &'static [State], to: &'static [State]) -> Moves {
    Moves { operation, from, to, by: By::Stripe }
}

/// Every legal move but [`Operation::Note`], which stays where it is.
pub static MOVES: [Moves; 20] = [
    caller(Role::Partner, Operation::Create, &[], &[Created]),
    // The payment was made, or Stripe refused to make it.
    stripe(Operation::Create, &[Created], &[Created, Cancelled]),
    // A creation that Stripe refused may have been made after all.
    stripe(Operation::Authorize, &[Created, Cancelled], &[Authorized]),
    caller(Role::Partner, Operation::Release, &[Authorized], &[Releasing]),
    stripe(Operation::Release, &[Releasing], &[Released, PartiallyRefunded, Refunded, ChargedBack, Authorized]),
    // Captured by somebody else, in Stripe's dashboard say.
    stripe(
        Operation::Release,
        &[Created, Authorized, Disputed, Cancelling, Cancelled],
        &[Released, PartiallyRefunded, Refunded, ChargedBack],
    ),
    caller(Role::Admin, Operation::Refund, &[Authorized, Released, PartiallyRefunded], &[Refunding]),
    stripe(Operation::Refund, &[Refunding], &[Refunded, PartiallyRefunded, ChargedBack, Authorized, Released]),
    // Refunded by somebody else.
    stripe(Operation::Refund, &[Released, PartiallyRefunded], &[PartiallyRefunded, Refunded]),
    stripe(Operation::RefundFailed, &[Refunded, PartiallyRefunded], &[PartiallyRefunded, Released]),
    caller(Role::Partner, Operation::Dispute, &[Authorized], &[Disputed]),
    caller(Role::Admin, Operation::Resolve, &[Disputed], &[Resolving]),
    stripe(Operation::Resolve, &[Resolving], &[Released, Refunded, PartiallyRefunded, ChargedBack, Disputed]),
    caller(Role::Partner, Operation::Cancel, &[Created], &[Cancelling]),
    stripe(Operation::Cancel, &[Created], &[Cancelled]),
    stripe(Operation::Cancel, &[Cancelling], &[Cancelled, Created, Authorized]),
    stripe(Operation::Expire, &[Authorized, Disputed, Releasing, Resolving], &[Expired]),
    stripe(Operation::Void, &[Authorized, Disputed, Releasing, Resolving], &[Refunded]),
    stripe(Operation::Chargeback, &[Released, PartiallyRefunded, Refunded], &[ChargedBack]),
    stripe(Operation::Chargeback, &[ChargedBack], &[Released, PartiallyRefunded, Refunded]),
];

impl Operation {
    /// All operations.
    pub const ALL: [Self; 12] = [
        Self::Create,
        Self::Authorize,
        Self::Release,
        Self::Refund,
        Self::RefundFailed,
        Self::Dispute,
        Self::Resolve,
        Self::Cancel,
        Self::Expire,
        Self::Void,
        Self::Chargeback,
        Self::Note,
    ];

    /// Returns the name, as in documents, scripts and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Authorize => "authorize",
            Self::Release => "release",
            Self::Refund => "refund",
            Self::RefundFailed => "refund_failed",
            Self::Dispute => "dispute",
            Self::Resolve => "resolve",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Void => "void",
            Self::Chargeback => "chargeback",
            Self::Note => "note",
        }
    }

    /// Returns the role a caller needs to begin it; nothing where no caller can.
    pub fn role(self) -> Option<Role> {
        MOVES.iter().find_map(|moves| match moves.by {
            By::Caller(role) if moves.operation == self => Some(role),
            _ => None,
        })
    }
}

impl Role {
    /// Returns the name, as in keys and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Admin => "admin",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Partner, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// Tells whether `operation` may move an escrow from `from`, or into being, to `to`.
pub fn is_legal(from: Option<State>, to: State, operation: Operation) -> bool {
    if operation == Operation::Note {
        return from == Some(to);
    }
    MOVES.iter().any(|moves| {
        let starts = from.map_or(moves.from.is_empty(), |from| moves.from.contains(&from));
        moves.operation == operation && starts && moves.to.contains(&to)
    })
}

/// Returns the state to which a caller's operation moves an escrow from `from`; nothing where it may not.
pub(super) fn begins(from: State, operation: Operation) -> Option<State> {
    let fits = |moves: &&Moves| {
        matches!(moves.by, By::Caller(_)) && moves.operation == operation && moves.from.contains(&from)
    };
    MOVES.iter().find(fits).and_then(|moves| moves.to.first().copied())
}

/// Returns what a caller of `role` may do with an escrow in `state`.
pub fn possible(state: State, role: Role) -> Vec<Operation> {
    let may = |operation: &Operation| {
        begins(state, *operation).is_some() && operation.role().is_some_and(|needed| role >= needed)
    };
    Operation::ALL.into_iter().filter(may).collect()
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_release_and_dispute_and_only_an_admin_refunds_and_resolves() {
        assert_eq!(possible(Authorized, Role::Partner), [Operation::Release, Operation::Dispute]);
        assert_eq!(possible(Authorized, Role::Admin), [Operation::Release, Operation::Refund, Operation::Dispute]);
        assert_eq!(possible(Disputed, Role::Partner), []);
        assert_eq!(possible(Disputed, Role::Admin), [Operation::Resolve]);
        assert_eq!(possible(Created, Role::Partner), [Operation::Cancel]);
    }

    #[test]
    fn nothing_begins_while_something_is_under_way_or_after_the_end() {
        for state in State::ALL {
            let ended = matches!(state, Refunded | Cancelled | Expired | ChargedBack);
            if ended || state.is_in_between() {
                assert_eq!(possible(state, Role::Admin), [], "{state}");
            }
        }
    }

    #[test]
    fn each_state_in_between_can_go_back_and_on() {
        for state in State::ALL.into_iter().filter(|state| state.is_in_between()) {
            let targets: Vec<State> = State::ALL
                .into_iter()
                .filter(|to| Operation::ALL.iter().any(|operation| is_legal(Some(state), *to, *operation)))
                .collect();
            assert!(targets.len() >= 3, "{state}: {targets:?}");
        }
    }
}
