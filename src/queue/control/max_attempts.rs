//! `max_attempts`: give a live job another number of attempts.

use serde_json::json;

use crate::domain::audit_event::{AuditedChange, Subject};
use crate::domain::id::JobId;
use crate::domain::job::{JobStatus, JobType};
use crate::queue::{Change, ChangeError, Queue, Recorder};
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(in crate::queue) static MAX_ATTEMPTS: Script = upstash_script!("max_attempts", "../record.lua", "max_attempts.lua");

/// Times the job is read again when it changed in between. Chosen: as for a cancel.
const MAX_READS: u32 = 4;

/// What became of a job that was to have another number of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxAttemptsSet {
    /// It has it.
    Done,
    /// A processor works on it and would write the old number back; it may be asked again afterwards.
    Processing,
    /// Its life was over already, in this way.
    Over(JobStatus),
    /// There is no such job.
    UnknownJob,
}

impl Queue {
    /// Gives a live job another number of attempts, 1 to 25. With fewer than it has begun, its next failure is its last.
    pub async fn set_max_attempts(
        &self,
        id: &JobId,
        max_attempts: u32,
        recorder: &Recorder,
    ) -> Result<MaxAttemptsSet, ChangeError> {
        for _ in 0..MAX_READS {
            let Some(view) = self.status(id).await? else {
                return Ok(MaxAttemptsSet::UnknownJob);
            };
            let status = view.document.status;
            if status == JobStatus::Processing {
                return Ok(MaxAttemptsSet::Processing);
            }
            if status.is_terminal() {
                return Ok(MaxAttemptsSet::Over(status));
            }
            let mut document = view.document;
            let attempts = |attempts: u32| json!({"maxAttempts": attempts});
            let (before, after) = (attempts(document.max_attempts), attempts(max_attempts));
            let change = AuditedChange::new("max_attempts_changed", Subject::of("job", id), before, after);
            let record = recorder.record(change).map_err(ChangeError::Record)?;
            document.max_attempts = max_attempts;
            document.updated_at = self.clock.now();
            let keys = vec![
                self.keys.attempts(),
                self.keys.counters(),
                self.keys.queue(JobType::AuditLogCreated),
                self.keys.job(&record.document.id),
                self.keys.job(id),
            ];
            let (record_id, record_document) = Change::record_args(Some(&record));
            let args = vec![
                id.as_str().into(),
                view.stored.into(),
                document.to_json().into(),
                record_id.into(),
                record_document.into(),
            ];
            let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &MAX_ATTEMPTS, keys, args }).await?;
            match reply.text()?.as_str() {
                "set" => return Ok(MaxAttemptsSet::Done),
                "processing" => return Ok(MaxAttemptsSet::Processing),
                "unknown_job" => return Ok(MaxAttemptsSet::UnknownJob),
                "changed" => {}
                other => return Err(UpstashError::Unknown(format!("max_attempts answered {other:?}")).into()),
            }
        }
        Ok(MaxAttemptsSet::Processing)
    }
}
