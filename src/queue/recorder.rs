//! The audit record of an operator's change: a job like any other, enqueued in the change's own step.

use serde_json::value::to_raw_value;

use crate::domain::audit_event::{Actor, AuditEvent, AuditPayload, AuditedChange};
use crate::domain::id::PartnerId;
use crate::domain::job::{JobOptions, JobType, NewJob, NewJobError};
use crate::edge::{Clock, Dice};

/// Who makes changes at one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `operator` or `admin`.
    pub kind: &'static str,
    /// Which of them: whose API key it is, or from where: `cli`, `dashboard`.
    pub id: Option<String>,
}

impl Caller {
    /// An operator, who came through `way`.
    pub fn operator(way: &str) -> Self {
        Self { kind: "operator", id: Some(way.to_owned()) }
    }

    /// Who has an API key of the role admin.
    pub fn admin(partner: &PartnerId) -> Self {
        Self { kind: "admin", id: Some(partner.to_string()) }
    }
}

/// Makes the records of what one caller changes.
#[derive(Clone, Debug)]
pub struct Recorder {
    clock: Clock,
    dice: Dice,
    caller: Caller,
    request_id: String,
    traceparent: Option<String>,
}

impl Recorder {
    /// Makes a recorder of what `request_id` asks for.
    pub fn new(
        clock: Clock,
        dice: Dice,
        caller: Caller,
        request_id: impl Into<String>,
        traceparent: Option<String>,
    ) -> Self {
        Self { clock, dice, caller, request_id: request_id.into(), traceparent }
    }

    /// Makes the job that records a change.
    ///
    /// # Errors
    /// Where it is larger than a job's payload may be.
    pub fn record(&self, change: AuditedChange) -> Result<NewJob, NewJobError> {
        let now = self.clock.now();
        let actor = Actor { kind: self.caller.kind, id: self.caller.id.as_deref() };
        let event = AuditEvent { time: now, actor, change, request_id: Some(&self.request_id) };
        // A value of ours always has a text.
        let payload = to_raw_value(&AuditPayload { event_data: event }).unwrap_or_default();
        NewJob::new(self.dice.job_id(now), JobType::AuditLogCreated, payload, now, self.job_options())
    }

    /// Returns the options of a job that a change causes: it is in the request's trace.
    pub fn job_options(&self) -> JobOptions {
        JobOptions { traceparent: self.traceparent.clone(), ..JobOptions::default() }
    }

    /// Returns the dice that name what is made.
    pub fn dice(&self) -> &Dice {
        &self.dice
    }

    /// Returns the clock that says when.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
