//! What a processor run did.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::Serialize;

use crate::domain::job::JobType;
use crate::queue::Verdict;

/// What a processor run did, as it is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchReport {
    /// Sums over all types.
    #[serde(flatten)]
    pub all: TypeReport,
    /// How long the run took.
    pub duration_ms: u64,
    /// Whether jobs were left that another run would find at once.
    pub more: bool,
    /// The same sums by type; types without a job are left out.
    pub by_type: BTreeMap<JobType, TypeReport>,
}

/// Sums over the jobs of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeReport {
    /// Jobs whose attempt ended: completed, retried and dead-lettered ones together.
    pub processed: u64,
    /// Jobs that are done.
    pub completed: u64,
    /// Jobs that will be tried again.
    pub retried: u64,
    /// Jobs that will not be tried again by themselves.
    pub dead_lettered: u64,
    /// Jobs given back untried.
    pub released: u64,
}

impl BatchReport {
    /// Counts a verdict that holds.
    pub(super) fn count(&mut self, job_type: JobType, verdict: &Verdict) {
        for sums in [&mut self.all, self.by_type.entry(job_type).or_default()] {
            sums.count(verdict);
        }
    }
}

impl AddAssign for TypeReport {
    fn add_assign(&mut self, other: Self) {
        self.processed += other.processed;
        self.completed += other.completed;
        self.retried += other.retried;
        self.dead_lettered += other.dead_lettered;
        self.released += other.released;
    }
}

impl TypeReport {
    fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Complete => self.completed += 1,
            Verdict::Retry { .. } => self.retried += 1,
            Verdict::Bury(_) => self.dead_lettered += 1,
            Verdict::Release(_) => self.released += 1,
            Verdict::Forget => {}
        }
        self.processed = self.completed + self.retried + self.dead_lettered;
    }
}
