//! What a caller asks of an escrow, and why it is refused before anything happens.

use super::{Operation, Role, State};
use crate::domain::job::Resolution;

/// What a caller asks of an escrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Pay the seller: all of it, or so much; what is left goes back to the buyer, since Stripe captures a payment once.
    Release {
        /// Minor units.
        amount: Option<i64>,
    },
    /// Give back what is held, whole; or of what the seller has all or so much.
    Refund {
        /// Minor units.
        amount: Option<i64>,
        /// Why.
        reason: Option<String>,
    },
    /// Object.
    Dispute {
        /// Why.
        reason: Option<String>,
    },
    /// Decide an objection.
    Resolve {
        /// How.
        resolution: Resolution,
        /// Minor units for the seller, where it is split.
        release_amount: Option<i64>,
        /// Why.
        reason: Option<String>,
    },
    /// End it before it is paid.
    Cancel {
        /// Why.
        reason: Option<String>,
    },
}

/// Why an operation is refused before anything happens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller may not.
    #[error("{operation} needs the role {needed}")]
    Role {
        /// What was asked for.
        operation: Operation,
        /// Who may.
        needed: Role,
    },
    /// Not from this state.
    #[error("{operation} is not possible: the escrow is {state}")]
    IllegalMove {
        /// What was asked for.
        operation: Operation,
        /// Where the escrow is.
        state: State,
        /// What the caller may do instead.
        possible: Vec<Operation>,
    },
    /// Its payment at Stripe is not known yet.
    #[error("the payment is not known yet: within 23 hours repeat the request that creates the escrow, then cancel it")]
    Unfinished,
    /// Not so much.
    #[error("{0}")]
    Amount(String),
}

impl Command {
    /// Returns the operation it asks for.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Release { .. } => Operation::Release,
            Self::Refund { .. } => Operation::Refund,
            Self::Dispute { .. } => Operation::Dispute,
            Self::Resolve { .. } => Operation::Resolve,
            Self::Cancel { .. } => Operation::Cancel,
        }
    }

    /// Returns why, in the caller's words.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Release { .. } => None,
            Self::Refund { reason, .. }
            | Self::Dispute { reason }
            | Self::Resolve { reason, .. }
            | Self::Cancel { reason } => reason.as_deref(),
        }
    }
}
