//! Where a job is in its life.

use serde::{Deserialize, Serialize};

/// Where a job is in its life. Which of the live ones it is follows from the queue's structures, not from the document alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Ready to be claimed.
    Pending,
    /// Waits for its `runAt`; never tried yet.
    Scheduled,
    /// A processor holds its lease.
    Processing,
    /// An attempt failed; waits for the next.
    Failed,
    /// Done. Kept for 24 hours.
    Completed,
    /// Will not be tried again by itself. Kept for seven days.
    DeadLetter,
    /// Was taken back before it ran. Kept for 24 hours.
    Cancelled,
}

impl JobStatus {
    /// All statuses.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Scheduled,
        Self::Processing,
        Self::Failed,
        Self::Completed,
        Self::DeadLetter,
        Self::Cancelled,
    ];

    /// Tells whether the job's life is over.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::DeadLetter | Self::Cancelled)
    }

    /// Returns the name, as in documents and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::Processing => "processing",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::DeadLetter => "dead_letter",
            Self::Cancelled => "cancelled",
        }
    }
}
