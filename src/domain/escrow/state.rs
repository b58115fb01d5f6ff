//! Where an escrow is in its life.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an escrow is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is paid yet.
    Created,
    /// Stripe holds the money.
    Authorized,
    /// A release was begun and is not known to be done.
    Releasing,
    /// All of it is the seller's.
    Released,
    /// A refund was begun and is not known to be done.
    Refunding,
    /// All of it went back to the buyer.
    Refunded,
    /// A part is the seller's, the rest went back to the buyer.
    PartiallyRefunded,
    /// The parties disagree: only a resolution moves the money.
    Disputed,
    /// A resolution was begun and is not known to be done.
    Resolving,
    /// A cancellation was begun and is not known to be done.
    Cancelling,
    /// It ended before anything was paid.
    Cancelled,
    /// The authorisation ran out: the money went back to the buyer.
    Expired,
    /// The buyer's bank took the money back, or is about to.
    ChargedBack,
}

/// A text that names no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("escrow state {found:?} is not one of {}", State::ALL.map(State::as_str).join(", "))]
pub struct UnknownState {
    /// The text, cut to 64 characters.
    pub found: String,
}

impl State {
    /// All states.
    pub const ALL: [Self; 13] = [
        Self::Created,
        Self::Authorized,
        Self::Releasing,
        Self::Released,
        Self::Refunding,
        Self::Refunded,
        Self::PartiallyRefunded,
        Self::Disputed,
        Self::Resolving,
        Self::Cancelling,
        Self::Cancelled,
        Self::Expired,
        Self::ChargedBack,
    ];

    /// Returns the name, as in documents, scripts and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Authorized => "authorized",
            Self::Releasing => "releasing",
            Self::Released => "released",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Disputed => "disputed",
            Self::Resolving => "resolving",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::ChargedBack => "charged_back",
        }
    }

    /// Tells whether an operation is under way whose end is not known.
    pub const fn is_in_between(self) -> bool {
        matches!(self, Self::Releasing | Self::Refunding | Self::Resolving | Self::Cancelling)
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| UnknownState { found: text.chars().take(64).collect() })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_state_in_text_and_json() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        }
    }
}
