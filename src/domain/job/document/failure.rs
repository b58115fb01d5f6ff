//! Why attempts failed, as the document keeps it.

use serde::{Deserialize, Serialize};

use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};

/// Why an attempt failed, as the document keeps it: `lastError` and `errorKind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// What happened.
    pub message: String,
    /// Of which sort it was; absent in documents of other producers.
    pub kind: Option<FailureKind>,
}

/// An attempt that failed and was followed by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// Which; the first is 1.
    pub attempt: u32,
    /// When it failed.
    pub at: Millis,
    /// What happened.
    pub error: String,
    /// Of which sort it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<FailureKind>,
}

impl From<Failure> for LastError {
    fn from(failure: Failure) -> Self {
        Self { message: failure.message, kind: Some(failure.kind) }
    }
}
