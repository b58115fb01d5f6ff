//! The job's document: what `job:{id}` holds, as JSON.
//!
//! Ours have every field; another producer's need `type` and `payload` and get defaults for the rest. Fields this version does
//! not know, and every number and array, are written back as they were read.

mod error;
mod failure;
mod read;
mod seal;
mod write;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use super::upcast::{SCHEMA_VERSION, upcast};
use super::{EarlierLife, JobStatus, JobType, Payload, PayloadError};
use crate::domain::id::{DedupeKey, JobId};
use crate::domain::limits::MAX_HISTORY;
use crate::domain::millis::Millis;
use crate::domain::outcome::Failure;

pub use error::DocumentError;
pub use failure::{FailedAttempt, LastError};

/// The field that keeps a text which could not be read.
pub(super) const UNREADABLE: &str = "unreadable";

/// One job, as stored.
#[derive(Clone)]
pub struct JobDocument {
    /// Its name; always the one in the key.
    pub id: JobId,
    /// Its type; always the queue's it is in.
    pub job_type: JobType,
    /// What the worker needs, as it came.
    pub payload: Box<RawValue>,
    /// Where it was in its life when the document was written.
    pub status: JobStatus,
    /// Attempts begun when the document was written.
    pub attempt_count: u32,
    /// Attempts it gets in all.
    pub max_attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<LastError>,
    /// When it was enqueued.
    pub created_at: Millis,
    /// When it is or was due, where not at once.
    pub run_at: Option<Millis>,
    /// When the document was written.
    pub updated_at: Millis,
    /// When its life ended.
    pub completed_at: Option<Millis>,
    /// Under which no second job of the type is enqueued for an hour.
    pub dedupe_key: Option<DedupeKey>,
    /// W3C trace context of the request that caused it.
    pub traceparent: Option<String>,
    /// Version of the payload's form.
    pub schema_version: u32,
    /// The attempts of this life that failed and were followed by another, oldest first; the last ten.
    pub failures: Vec<FailedAttempt>,
    /// The lives that ended among the dead letters and from which it was brought back, oldest first; the last ten.
    pub history: Vec<EarlierLife>,
    /// How often it came back from the dead letters by itself since it was last brought back by hand.
    pub recoveries: u32,
    /// The payload as stored, where that is sealed and this document has it opened.
    pub(super) sealed: Option<Box<RawValue>>,
    pub(super) other: BTreeMap<String, Box<RawValue>>,
}

impl JobDocument {
    /// Makes the document of a new job.
    pub fn new(id: JobId, job_type: JobType, payload: Box<RawValue>, created_at: Millis) -> Self {
        Self {
            id,
            job_type,
            payload,
            status: JobStatus::Pending,
            attempt_count: 0,
            max_attempts: job_type.default_max_attempts(),
            last_error: None,
            created_at,
            run_at: None,
            updated_at: created_at,
            completed_at: None,
            dedupe_key: None,
            traceparent: None,
            schema_version: SCHEMA_VERSION,
            failures: Vec::new(),
            history: Vec::new(),
            recoveries: 0,
            sealed: None,
            other: BTreeMap::new(),
        }
    }

    /// Makes the document that takes the place of one that cannot be read, so that it can be seen among the dead letters.
    ///
    /// The text is kept in the field `unreadable`.
    pub fn of_unreadable(id: JobId, job_type: JobType, text: &str, now: Millis) -> Self {
        let created_at = id.created_at().unwrap_or(now);
        let mut document = Self::new(id, job_type, RawValue::NULL.to_owned(), created_at);
        document.other.insert(UNREADABLE.to_owned(), write::raw(&text));
        document
    }

    /// Puts another payload in its place, in plain.
    #[must_use]
    pub fn with_payload(self, payload: Box<RawValue>) -> Self {
        Self { payload, sealed: None, ..self }
    }

    /// Returns the document as those may see it who may see its payload.
    #[must_use]
    pub fn shown(&self) -> Self {
        Self { sealed: None, ..self.clone() }
    }

    /// Tells whether the payload is of a form that only a newer deployment knows.
    pub fn is_from_a_newer_version(&self) -> bool {
        self.schema_version > SCHEMA_VERSION
    }

    /// Notes that an attempt failed at a time and is followed by another.
    pub fn note_failure(&mut self, attempt: u32, at: Millis, failure: &Failure) {
        let (error, error_kind) = (failure.message.clone(), Some(failure.kind));
        self.failures.push(FailedAttempt { attempt, at, error, error_kind });
        let passed_over = self.failures.len().saturating_sub(MAX_HISTORY);
        self.failures.drain(..passed_over);
    }

    /// Returns the text that could not be read as a document, where this one stands in its place.
    pub fn unreadable(&self) -> Option<String> {
        serde_json::from_str(self.other.get(UNREADABLE)?.get()).ok()
    }

    /// Reads the payload, brought to the form of this build where it is older.
    pub fn read_payload(&self) -> Result<Payload, PayloadError> {
        Payload::parse(self.job_type, &upcast(self.job_type, self.schema_version, &self.payload))
    }
}

/// Names the job and its status; never the payload, which holds personal data.
impl fmt::Debug for JobDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobDocument")
            .field("id", &self.id)
            .field("job_type", &self.job_type)
            .field("status", &self.status)
            .field("attempt_count", &self.attempt_count)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> JobId {
        JobId::parse("job-1706234567890-abc123def").unwrap()
    }

    fn parse(text: &str) -> Result<JobDocument, DocumentError> {
        JobDocument::parse(id(), JobType::AuditLogCreated, text, Millis(9))
    }

    #[test]
    fn type_and_payload_are_enough() {
        let document = parse(r#"{"type":"audit_log_created","payload":{"eventData":{}}}"#).unwrap();
        assert_eq!((document.max_attempts, document.created_at.0), (3, 1_706_234_567_890));
        assert_eq!(
            document.to_json(),
            r#"{"id":"job-1706234567890-abc123def","type":"audit_log_created","payload":{"eventData":{}},"status":"pending","attemptCount":0,"maxAttempts":3,"lastError":null,"createdAt":1706234567890,"runAt":null,"updatedAt":1706234567890,"completedAt":null,"dedupeKey":null,"traceparent":null,"schemaVersion":1}"#
        );
    }

    #[test]
    fn numbers_arrays_and_unknown_fields_are_written_back_as_they_were_read() {
        let payload = r#"{"eventData":{"big":123456789012345678901234567890,"float":1.10,"exp":1e400,"none":[],"text":"\u00e4ä\ud83d\ude00"}}"#;
        let text = format!(r#"{{"type":"audit_log_created","payload":{payload},"shard":1.0,"tags":[]}}"#);
        let once = parse(&text).unwrap().to_json();
        let twice = parse(&once).unwrap().to_json();
        assert_eq!(once, twice);
        assert!(once.contains(payload) && once.ends_with(r#""shard":1.0,"tags":[]}"#), "{once}");
    }

    #[test]
    fn a_text_that_is_no_document_is_refused_without_repeating_it() {
        let cases = [
            ("", "job document is not a JSON object: the text ends too soon, at column 0"),
            ("jane@example.com", "job document is not a JSON object: the text is not JSON, at column 1"),
            ("[1]", "job document is not a JSON object: the value is of another type, at column 0"),
            ("{}", r#"job document has no "type""#),
            (r#"{"type":"audit_log_created"}"#, r#"job document has no "payload""#),
            (
                r#"{"type":"audit_log_created","payload":{},"maxAttempts":"x"}"#,
                r#"job document's "maxAttempts": the value is of another type, at column 3"#,
            ),
            (
                r#"{"type":"send_release_email","payload":{}}"#,
                r#"job document is of type "send_release_email" and was in the queue of audit_log_created"#,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn of_a_field_that_stands_twice_the_last_counts_and_is_written_once() {
        let text = r#"{"type":"audit_log_created","payload":{"eventData":1},"payload":{"eventData":2},"x":1,"x":2}"#;
        let written = parse(text).unwrap().to_json();
        assert!(written.contains(r#""payload":{"eventData":2}"#) && written.ends_with(r#","x":2}"#), "{written}");
        assert!(!written.contains(r#"{"eventData":1}"#) && !written.contains(r#""x":1"#), "{written}");
    }

    #[test]
    fn an_unreadable_document_is_kept_to_be_looked_at() {
        let document = JobDocument::of_unreadable(id(), JobType::AuditLogCreated, "{\"a\"", Millis(9));
        assert!(document.to_json().ends_with(r#""unreadable":"{\"a\""}"#));
    }

    #[test]
    fn debug_shows_no_payload() {
        let document =
            parse(r#"{"type":"audit_log_created","payload":{"eventData":{"who":"jane@example.com"}}}"#).unwrap();
        assert!(!format!("{document:?}").contains("jane"));
    }
}
