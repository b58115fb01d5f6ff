//! The audit record of an operator's change: a job like any other, enqueued in the change's own step.

use serde_json::{Value, json, value::to_raw_value};

use crate::domain::job::{JobOptions, JobType, NewJob, NewJobError};
use crate::edge::{Clock, Dice};

/// Makes the records of what one caller changes.
#[derive(Clone, Debug)]
pub struct Recorder {
    clock: Clock,
    dice: Dice,
    request_id: String,
    traceparent: Option<String>,
}

impl Recorder {
    /// Makes a recorder of what `request_id` asks for.
    pub fn new(clock: Clock, dice: Dice, request_id: impl Into<String>, traceparent: Option<String>) -> Self {
        Self { clock, dice, request_id: request_id.into(), traceparent }
    }

    /// Makes the job that records `event`, with what it was about.
    ///
    /// # Errors
    /// Where `about` is larger than a job's payload may be.
    pub fn record(&self, event: &str, about: &Value) -> Result<NewJob, NewJobError> {
        let now = self.clock.now();
        let by = &self.request_id;
        let data = json!({"eventData": {"event": event, "by": "operator", "requestId": by, "at": now, "about": about}});
        // A value of ours always has a text.
        let payload = to_raw_value(&data).unwrap_or_default();
        let options = JobOptions { traceparent: self.traceparent.clone(), ..JobOptions::default() };
        NewJob::new(self.dice.job_id(now), JobType::AuditLogCreated, payload, now, options)
    }
}
