//! What a dead letter may become: alive again, with its history; thrown away; or the same with another payload.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::document::UNREADABLE;
use super::upcast::SCHEMA_VERSION;
use super::{JobDocument, JobStatus, NewJobError, Payload};
use crate::domain::limits::{MAX_HISTORY, MAX_PAYLOAD_BYTES};
use crate::domain::millis::Millis;
use crate::domain::outcome::FailureKind;

/// A life that ended among the dead letters and from which the job was brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EarlierLife {
    /// When it ended.
    pub died_at: Millis,
    /// Attempts it had.
    pub attempt_count: u32,
    /// Why the last of them failed.
    pub last_error: Option<String>,
    /// Of which sort that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<FailureKind>,
}

impl JobDocument {
    /// Brings a dead letter back by hand: fresh attempts, and recoveries count from nothing again.
    #[must_use]
    pub fn redriven(self, now: Millis) -> Self {
        Self { recoveries: 0, ..self.alive_again(now) }
    }

    /// Brings a dead letter back by itself: fresh attempts, and one recovery more.
    #[must_use]
    pub fn recovered(self, now: Millis) -> Self {
        let recoveries = self.recoveries.saturating_add(1);
        Self { recoveries, ..self.alive_again(now) }
    }

    /// Throws a dead letter away. Why it died stays to be read for as long as the document is kept.
    #[must_use]
    pub fn discarded(mut self, now: Millis) -> Self {
        self.status = JobStatus::Cancelled;
        self.updated_at = now;
        self.completed_at = Some(now);
        self
    }

    /// Gives a dead letter another payload, which makes one readable whose document was not.
    pub fn edited(mut self, payload: Box<RawValue>, now: Millis) -> Result<Self, NewJobError> {
        if payload.get().len() > MAX_PAYLOAD_BYTES {
            return Err(NewJobError::TooLarge(payload.get().len()));
        }
        Payload::parse(self.job_type, &payload)?;
        self.payload = payload;
        self.sealed = None;
        // It was checked in the form of this build.
        self.schema_version = SCHEMA_VERSION;
        self.updated_at = now;
        self.other.remove(UNREADABLE);
        Ok(self)
    }

    fn alive_again(mut self, now: Millis) -> Self {
        let error = self.last_error.take();
        let (last_error, error_kind) = error.map_or((None, None), |error| (Some(error.message), error.kind));
        let died_at = self.completed_at.take().unwrap_or(self.updated_at);
        self.history.push(EarlierLife { died_at, attempt_count: self.attempt_count, last_error, error_kind });
        let passed_over = self.history.len().saturating_sub(MAX_HISTORY);
        self.history.drain(..passed_over);
        self.failures.clear();
        self.status = JobStatus::Pending;
        self.attempt_count = 0;
        self.run_at = Some(now);
        self.updated_at = now;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::JobId;
    use crate::domain::job::JobType;

    fn dead(more: &str) -> JobDocument {
        let text = format!(
            r#"{{"type":"audit_log_created","payload":{{"eventData":{{}}}},"status":"dead_letter","attemptCount":3,"lastError":"no","errorKind":"timeout","completedAt":7{more}}}"#
        );
        JobDocument::parse(JobId::parse("job-1").unwrap(), JobType::AuditLogCreated, &text, Millis(1)).unwrap()
    }

    fn payload(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_redriven_job_has_fresh_attempts_and_remembers_how_it_died() {
        let alive = dead(r#","recoveries":2"#).redriven(Millis(9));
        assert_eq!((alive.status, alive.attempt_count, alive.recoveries), (JobStatus::Pending, 0, 0));
        assert_eq!((alive.run_at, alive.completed_at, &alive.last_error), (Some(Millis(9)), None, &None));
        let text = alive.to_json();
        let history = r#""history":[{"diedAt":7,"attemptCount":3,"lastError":"no","errorKind":"timeout"}]"#;
        assert!(text.contains(history), "{text}");
        let again = JobDocument::parse(alive.id.clone(), alive.job_type, &text, Millis(1)).unwrap();
        assert_eq!(again.history, alive.history);
    }

    #[test]
    fn the_history_keeps_the_last_ten_lives() {
        let mut job = dead("");
        for n in 0..12 {
            job.completed_at = Some(Millis(n));
            job = job.recovered(Millis(n));
        }
        let died: Vec<i64> = job.history.iter().map(|life| life.died_at.0).collect();
        assert_eq!((died, job.recoveries), ((2..12).collect(), 12));
    }

    #[test]
    fn an_edit_takes_only_what_the_type_takes() {
        assert!(matches!(dead("").edited(payload("{}"), Millis(9)), Err(NewJobError::Payload(_))));
        let large = format!(r#"{{"eventData":{{"x":"{}"}}}}"#, "y".repeat(MAX_PAYLOAD_BYTES));
        assert!(matches!(dead("").edited(payload(&large), Millis(9)), Err(NewJobError::TooLarge(_))));
        let edited = dead(r#","unreadable":"{""#).edited(payload(r#"{"eventData":{"n":2}}"#), Millis(9)).unwrap();
        assert!(!edited.to_json().contains("unreadable") && edited.to_json().contains(r#"{"n":2}"#));
    }
}
