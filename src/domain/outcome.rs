//! How a run of a handler ended, and what that means for its job.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::MAX_ERROR_BYTES;

/// What a handler says of its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The side effect is done, by this run or an earlier one.
    Completed,
    /// It is not done, or not known to be.
    Failed(Failure),
    /// This processor cannot judge the job: it goes back untouched and may be claimed again after the wait.
    Postponed(Duration),
}

/// Why a side effect is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What sort of failure it is; decides whether it is tried again.
    pub kind: FailureKind,
    /// What happened, on what; no secret, no personal data.
    pub message: String,
    /// How long the other side asked us to wait.
    pub retry_after: Option<Duration>,
}

/// The sorts of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No answer in time: the other side may have acted. Retried.
    Timeout,
    /// The connection broke, or the other side answered 5xx. Retried.
    Unavailable,
    /// 429: too many requests. Retried, not before `Retry-After`.
    Throttled,
    /// The other side understood and refused: another 4xx. Final.
    Rejected,
    /// The job's document or payload is not of its form. Final.
    Unreadable,
    /// A variable is missing or wrong, or the other side refused our credentials. Final.
    Configuration,
    /// The handler panicked. Retried.
    Panicked,
    /// The processor ended without saying how it went: killed, or out of time with its lease lapsed. Retried.
    Crashed,
}

impl FailureKind {
    /// All sorts.
    pub const ALL: [Self; 8] = [
        Self::Timeout,
        Self::Unavailable,
        Self::Throttled,
        Self::Rejected,
        Self::Unreadable,
        Self::Configuration,
        Self::Panicked,
        Self::Crashed,
    ];

    /// Returns the name, as in documents and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Throttled => "throttled",
            Self::Rejected => "rejected",
            Self::Unreadable => "unreadable",
            Self::Configuration => "configuration",
            Self::Panicked => "panicked",
            Self::Crashed => "crashed",
        }
    }

    /// Reads a name; nothing where it is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Tells whether another attempt may succeed.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Timeout | Self::Unavailable | Self::Throttled | Self::Panicked | Self::Crashed => true,
            Self::Rejected | Self::Unreadable | Self::Configuration => false,
        }
    }

    /// Classifies an HTTP status that is not 2xx: 5xx, 408, 425 and 429 may pass, 401 and 403 are our credentials, others are final.
    pub fn of_status(status: u16) -> Self {
        match status {
            429 => Self::Throttled,
            408 | 425 => Self::Timeout,
            401 | 403 => Self::Configuration,
            500.. => Self::Unavailable,
            _ => Self::Rejected,
        }
    }
}

impl Failure {
    /// Makes a failure; the message is cut to what a job's document may hold.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_ERROR_BYTES {
            let end = (0..=MAX_ERROR_BYTES).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
            message.truncate(end);
        }
        Self { kind, message, retry_after: None }
    }

    /// Sets how long the other side asked us to wait.
    #[must_use]
    pub fn after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_by_itself_is_retried() {
        let retried: Vec<u16> = [400, 401, 402, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504]
            .into_iter()
            .filter(|s| FailureKind::of_status(*s).is_retryable())
            .collect();
        assert_eq!(retried, [408, 425, 429, 500, 502, 503, 504]);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let failure = Failure::new(FailureKind::Rejected, "ä".repeat(400));
        assert_eq!(failure.message, "ä".repeat(250));
    }
}
