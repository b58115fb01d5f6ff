//! Writes documents.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{FailedAttempt, JobDocument};
use crate::domain::id::{DedupeKey, JobId};
use crate::domain::job::{EarlierLife, JobStatus, JobType};
use crate::domain::millis::Millis;
use crate::domain::outcome::FailureKind;

impl JobDocument {
    /// Writes the document as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.fields()).unwrap_or_default()
    }

    /// Writes the document as JSON, with one more field, which takes the place of one of its name.
    pub fn to_json_with(&self, name: &str, value: &impl Serialize) -> String {
        let mut with = self.shown();
        with.other.insert(name.to_owned(), raw(value));
        with.to_json()
    }

    fn fields(&self) -> Written<'_> {
        Written {
            id: &self.id,
            job_type: self.job_type,
            payload: self.sealed.as_ref().unwrap_or(&self.payload),
            status: self.status,
            attempt_count: self.attempt_count,
            max_attempts: self.max_attempts,
            last_error: self.last_error.as_ref().map(|error| error.message.as_str()),
            error_kind: self.last_error.as_ref().and_then(|error| error.kind),
            created_at: self.created_at,
            run_at: self.run_at,
            updated_at: self.updated_at,
            completed_at: self.completed_at,
            dedupe_key: self.dedupe_key.as_ref(),
            traceparent: self.traceparent.as_deref(),
            schema_version: self.schema_version,
            failures: &self.failures,
            history: &self.history,
            recoveries: self.recoveries,
            other: &self.other,
        }
    }
}

/// The fields in the order in which they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    id: &'a JobId,
    #[serde(rename = "type")]
    job_type: JobType,
    payload: &'a RawValue,
    status: JobStatus,
    attempt_count: u32,
    max_attempts: u32,
    last_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_kind: Option<FailureKind>,
    created_at: Millis,
    run_at: Option<Millis>,
    updated_at: Millis,
    completed_at: Option<Millis>,
    dedupe_key: Option<&'a DedupeKey>,
    traceparent: Option<&'a str>,
    schema_version: u32,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    failures: &'a [FailedAttempt],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    history: &'a [EarlierLife],
    #[serde(skip_serializing_if = "is_zero")]
    recoveries: u32,
    #[serde(flatten)]
    other: &'a BTreeMap<String, Box<RawValue>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

pub(super) fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
