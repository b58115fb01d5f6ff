//! What went wrong with a call, by what may be done next.

use std::time::Duration;

use crate::domain::outcome::{Failure, FailureKind};

/// A call that gave no result. No variant repeats the address, the token or a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstashError {
    /// Nothing was written: no connection. It may be sent again.
    #[error("Redis cannot be reached: {0}")]
    NotSent(String),
    /// It was sent and no readable answer came: it may have been done. Only what is safe to repeat may be sent again.
    #[error("Redis gave no readable answer: {0}")]
    Unknown(String),
    /// Redis has no room for it now: too many requests, a quota, out of memory. Nothing was written; it may be sent again later.
    #[error("Redis takes no more for now: {message}")]
    Throttled {
        /// What Redis said.
        message: String,
        /// How long to wait, where Redis said so.
        retry_after: Option<Duration>,
    },
    /// Redis answered with an error: a wrong token or a fault of ours. It will not work the next time either.
    #[error("Redis refused: {0}")]
    Refused(String),
}

impl UpstashError {
    /// Makes the error for an error text of Redis'.
    pub(super) fn of_redis(message: &str) -> Self {
        const FULL: [&str; 6] = ["OOM ", "LOADING ", "BUSY ", "MISCONF ", "READONLY ", "TRYAGAIN "];
        const QUOTA: [&str; 3] = ["max requests limit exceeded", "max daily request limit", "capacity quota exceeded"];
        let message: String = message.chars().take(300).collect();
        if FULL.iter().any(|start| message.starts_with(start)) || QUOTA.iter().any(|part| message.contains(part)) {
            return Self::Throttled { message, retry_after: None };
        }
        Self::Refused(message)
    }

    /// Makes the error of a call of which a part may be done already: that nothing was written holds no longer.
    pub(crate) fn after_a_part(self) -> Self {
        match self {
            Self::NotSent(_) | Self::Throttled { .. } => Self::Unknown(format!("a part may be done, and then {self}")),
            Self::Unknown(_) | Self::Refused(_) => self,
        }
    }

    /// Makes a failure of a job that needs `what`: every error may pass, and no side effect is to be lost by one.
    pub(crate) fn failure(&self, what: &str) -> Failure {
        let (kind, wait) = match self {
            Self::Throttled { retry_after, .. } => (FailureKind::Throttled, *retry_after),
            _ => (FailureKind::Unavailable, None),
        };
        Failure::new(kind, format!("{what}: {self}")).after(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_redis_is_not_our_fault() {
        for text in
            ["OOM command not allowed", "ERR max requests limit exceeded. Limit: 1", "ERR DB capacity quota exceeded"]
        {
            assert!(matches!(UpstashError::of_redis(text), UpstashError::Throttled { .. }), "{text}");
        }
        assert!(matches!(UpstashError::of_redis("WRONGTYPE Operation"), UpstashError::Refused(_)));
    }
}
