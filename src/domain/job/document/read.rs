//! Reads documents: ours, and those of other producers, which may leave out all but type and payload.

use super::{DocumentError, JobDocument, LastError};
use crate::domain::id::JobId;
use crate::domain::job::fields::Fields;
use crate::domain::job::upcast::SCHEMA_VERSION;
use crate::domain::job::{JobStatus, JobType};
use crate::domain::limits::MAX_MAX_ATTEMPTS;
use crate::domain::millis::Millis;

impl JobDocument {
    /// Reads the document stored under `id` and found in the queue of `job_type`. `now` stands in for a creation time
    /// that neither the document nor the id tells.
    pub fn parse(id: JobId, job_type: JobType, text: &str, now: Millis) -> Result<Self, DocumentError> {
        let mut fields = Fields::read(text)?;
        let found: String = fields.take("type")?.ok_or(DocumentError::Missing("type"))?;
        if found != job_type.as_str() {
            return Err(DocumentError::OtherType { found: found.chars().take(64).collect(), expected: job_type });
        }
        let payload = fields.take_raw("payload").ok_or(DocumentError::Missing("payload"))?.to_owned();
        let created_at = fields.take("createdAt")?.or(id.created_at()).unwrap_or(now);
        let mut document = Self::new(id, job_type, payload, created_at);
        document.status = fields.take("status")?.unwrap_or(JobStatus::Pending);
        document.attempt_count = fields.take("attemptCount")?.unwrap_or(0);
        let max_attempts = fields.take("maxAttempts")?.unwrap_or(document.max_attempts);
        document.max_attempts = max_attempts.clamp(1, MAX_MAX_ATTEMPTS);
        let kind = fields.take("errorKind")?;
        document.last_error = fields.take("lastError")?.map(|message| LastError { message, kind });
        document.run_at = fields.take("runAt")?;
        document.updated_at = fields.take("updatedAt")?.unwrap_or(created_at);
        document.completed_at = fields.take("completedAt")?;
        document.dedupe_key = fields.take("dedupeKey")?;
        document.traceparent = fields.take("traceparent")?;
        document.schema_version = fields.take("schemaVersion")?.unwrap_or(SCHEMA_VERSION);
        document.failures = fields.take("failures")?.unwrap_or_default();
        document.history = fields.take("history")?.unwrap_or_default();
        document.recoveries = fields.take("recoveries")?.unwrap_or(0);
        fields.take_raw("id");
        document.other = fields.rest();
        Ok(document)
    }

    /// Reads a stored document whose type only it tells.
    pub fn read(id: JobId, text: &str, now: Millis) -> Result<Self, DocumentError> {
        Self::parse(id, Self::type_of(text)?, text, now)
    }

    /// Reads the type a stored document names, without reading the rest.
    pub fn type_of(text: &str) -> Result<JobType, DocumentError> {
        let found: String = Fields::read(text)?.take("type")?.ok_or(DocumentError::Missing("type"))?;
        found.parse().map_err(|error| DocumentError::Field { name: "type", reason: format!("{error}") })
    }
}
