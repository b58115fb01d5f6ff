//! All that an operator wants to see first, in one request to Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Queue;
use super::control::{self, ControlView};
use super::minutes::{self, Minutes, Span};
use super::oldest_due::{self, OldestDue};
use super::stats::{self, QueueStats};
use crate::domain::job::JobType;
use crate::upstash::{Patience, UpstashError};

/// How the queue is doing.
#[derive(Clone, Debug)]
pub struct Overview {
    /// How much of everything there is.
    pub stats: QueueStats,
    /// What operators have set.
    pub control: ControlView,
    /// The age of the oldest due job.
    pub oldest_due: OldestDue,
    /// How long the first job of each queue has been due; types whose queue is empty are left out.
    pub oldest_by_type: BTreeMap<JobType, Duration>,
    /// What happened lately.
    pub minutes: Minutes,
}

impl Queue {
    /// Returns how the queue is doing, and what happened in the `span` before now.
    pub async fn overview(&self, span: Span) -> Result<Overview, UpstashError> {
        let calls = |_| vec![self.stats_call(), self.control_call(), self.oldest_due_call(), self.minutes_call(span)];
        let mut replies = self.upstash.run_all(Patience::REQUEST, calls).await?.into_iter();
        let mut next = || replies.next().ok_or_else(|| UpstashError::Unknown("overview: no answer".into()));
        let (stats, control) = (stats::read(next()?)?, control::read(next()?)?);
        let (oldest_due, oldest_by_type) = oldest_due::read_by_type(next()?)?;
        Ok(Overview { stats, control, oldest_due, oldest_by_type, minutes: minutes::read(next()?, span)? })
    }
}
