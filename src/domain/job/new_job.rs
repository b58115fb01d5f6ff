//! A job about to be enqueued: checked, with its document ready to be written.

use std::time::Duration;

use serde_json::value::RawValue;

use super::{JobDocument, JobStatus, JobType, Payload, PayloadError};
use crate::domain::id::{DedupeKey, JobId};
use crate::domain::limits::{MAX_DELAY, MAX_MAX_ATTEMPTS, MAX_PAYLOAD_BYTES};
use crate::domain::millis::Millis;

/// When a job is to be claimed at the earliest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Due {
    /// At once.
    #[default]
    Now,
    /// So long after Redis has taken it, by Redis' clock.
    After(Duration),
    /// At a point in time; one that has passed is at once.
    At(Millis),
}

/// What a caller may choose about a job.
#[derive(Clone, Debug, Default)]
pub struct JobOptions {
    /// A second job of the type under this key within an hour is a duplicate of the first.
    pub dedupe_key: Option<DedupeKey>,
    /// Attempts in all, 1 to 25; the type's default where absent.
    pub max_attempts: Option<u32>,
    /// When it is due.
    pub due: Due,
    /// W3C trace context of the request that causes it.
    pub traceparent: Option<String>,
}

/// A job that can be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What will be stored.
    pub document: JobDocument,
    /// When it is due.
    pub due: Due,
}

/// A job that cannot be enqueued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewJobError {
    /// The payload is not what the type needs.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The payload is too large.
    #[error("payload has {0} bytes, expected at most {MAX_PAYLOAD_BYTES}")]
    TooLarge(usize),
    /// Too many attempts, or none.
    #[error("maxAttempts is {0}, expected 1 to {MAX_MAX_ATTEMPTS}")]
    MaxAttempts(u32),
    /// The job would wait for too long.
    #[error("the job would be due more than {} days from now; delays are in milliseconds", MAX_DELAY.as_secs() / 86_400)]
    TooLate,
}

impl NewJob {
    /// Makes a job of `job_type` with the payload as it came, created `now`.
    pub fn new(
        id: JobId,
        job_type: JobType,
        payload: Box<RawValue>,
        now: Millis,
        options: JobOptions,
    ) -> Result<Self, NewJobError> {
        if payload.get().len() > MAX_PAYLOAD_BYTES {
            return Err(NewJobError::TooLarge(payload.get().len()));
        }
        Payload::parse(job_type, &payload)?.check_new(job_type)?;
        let mut document = JobDocument::new(id, job_type, payload, now);
        if let Some(attempts) = options.max_attempts {
            if !(1..=MAX_MAX_ATTEMPTS).contains(&attempts) {
                return Err(NewJobError::MaxAttempts(attempts));
            }
            document.max_attempts = attempts;
        }
        document.dedupe_key = options.dedupe_key;
        document.traceparent = options.traceparent;
        document.run_at = match options.due {
            Due::Now => None,
            Due::After(delay) => Some(now.plus(delay)),
            Due::At(at) => Some(at).filter(|at| *at > now),
        };
        if let Some(run_at) = document.run_at {
            if run_at.since(now) > MAX_DELAY {
                return Err(NewJobError::TooLate);
            }
            document.status = JobStatus::Scheduled;
        }
        Ok(Self { document, due: options.due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(payload: &str, options: JobOptions) -> Result<NewJob, NewJobError> {
        let payload = RawValue::from_string(payload.to_owned()).unwrap();
        NewJob::new(JobId::parse("job-1").unwrap(), JobType::AuditLogCreated, payload, Millis(1_000), options)
    }

    #[test]
    fn a_delayed_job_is_scheduled_and_a_past_one_is_pending() {
        let due = |due| job(r#"{"eventData":{}}"#, JobOptions { due, ..JobOptions::default() }).unwrap().document;
        let later = due(Due::After(Duration::from_secs(5)));
        assert_eq!((later.status, later.run_at), (JobStatus::Scheduled, Some(Millis(6_000))));
        assert_eq!(due(Due::At(Millis(999))).status, JobStatus::Pending);
        assert_eq!(due(Due::Now).run_at, None);
    }

    #[test]
    fn numbers_outside_their_range_are_refused() {
        let attempts = |n| job(r#"{"eventData":{}}"#, JobOptions { max_attempts: Some(n), ..JobOptions::default() });
        assert_eq!(attempts(0).unwrap_err(), NewJobError::MaxAttempts(0));
        assert_eq!(attempts(26).unwrap_err(), NewJobError::MaxAttempts(26));
        let late = job(r#"{"eventData":{}}"#, JobOptions { due: Due::After(Duration::MAX), ..JobOptions::default() });
        assert_eq!(late.unwrap_err(), NewJobError::TooLate);
    }

    #[test]
    fn an_empty_id_and_a_currency_that_is_none_are_refused_before_a_job_is_stored() {
        let refused = |job_type: JobType, text: &str| {
            let (id, payload) = (JobId::parse("job-1").unwrap(), RawValue::from_string(text.to_owned()).unwrap());
            let made = NewJob::new(id, job_type, payload.clone(), Millis(1_000), JobOptions::default());
            assert!(Payload::parse(job_type, &payload).is_ok(), "one that is stored is worked off");
            made.unwrap_err().to_string()
        };
        let mail = r#"{"transactionId":"e","recipientEmail":"a@b.c","amount":1,"currency":"usd"}"#;
        for job_type in [JobType::SendReleaseEmail, JobType::SendRefundEmail, JobType::SendPaymentConfirmedEmail] {
            let said = refused(job_type, &mail.replace("usd", "zzz"));
            assert_eq!(said, format!("payload of {job_type}: currency \"zzz\" is not one of ISO 4217's"));
        }
        let said = refused(JobType::SendDisputeEmail, r#"{"transactionId":"","recipientEmail":"a@b.c"}"#);
        assert_eq!(said, "payload of send_dispute_email: transactionId is empty");
        let said =
            refused(JobType::NotifyDisputeResolved, r#"{"escrowId":"","resolution":"split","recipients":["a@b.c"]}"#);
        assert_eq!(said, "payload of notify_dispute_resolved: escrowId is empty");
    }

    #[test]
    fn a_payload_over_the_limit_is_refused_before_it_is_read() {
        let text = format!(r#"{{"eventData":{{"x":"{}"}}}}"#, "y".repeat(MAX_PAYLOAD_BYTES));
        assert!(matches!(job(&text, JobOptions::default()), Err(NewJobError::TooLarge(_))));
    }
}
