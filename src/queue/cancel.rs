//! `cancel`: take back a job that nobody works on.

use super::{Queue, names};
use crate::domain::id::JobId;
use crate::domain::job::{JobStatus, JobType};
use crate::domain::limits::KEEP_COMPLETED;
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static CANCEL: Script = upstash_script!("cancel", "cancel.lua");

/// Times the job is read again when it changed in between. Chosen: it changes with each attempt, at most every two seconds.
const MAX_READS: u32 = 4;

/// What became of a job that was to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It will not run. Its dedupe key is free again.
    Done,
    /// A processor works on it; it may be asked again afterwards.
    Processing,
    /// Its life was over already, in this way.
    Over(JobStatus),
    /// There is no such job.
    UnknownJob,
}

impl Queue {
    /// Takes a job back. Cancelling a cancelled job answers as the first time.
    pub async fn cancel(&self, id: &JobId) -> Result<Cancelled, UpstashError> {
        for _ in 0..MAX_READS {
            let Some(view) = self.status(id).await? else {
                return Ok(Cancelled::UnknownJob);
            };
            match view.document.status {
                JobStatus::Cancelled => return Ok(Cancelled::Done),
                JobStatus::Processing => return Ok(Cancelled::Processing),
                over if over.is_terminal() => return Ok(Cancelled::Over(over)),
                _ => {}
            }
            let now = self.clock.now();
            let mut document = view.document;
            document.status = JobStatus::Cancelled;
            document.updated_at = now;
            document.completed_at = Some(now);
            let job = self.keys.job(id);
            let dedupe =
                document.dedupe_key.as_ref().map_or(job.clone(), |key| self.keys.dedupe(document.job_type, key));
            let mut types = JobType::ALL.to_vec();
            types.sort_by_key(|known| *known != document.job_type);
            let mut keys = vec![self.keys.timers(), self.keys.attempts(), self.keys.counters(), job, dedupe];
            keys.extend(self.queues(&types));
            let mut args = vec![
                id.to_string().into(),
                view.stored.into(),
                document.to_json().into(),
                KEEP_COMPLETED.as_millis().to_string().into(),
            ];
            args.extend(names(&types));
            let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &CANCEL, keys, args }).await?;
            match reply.text()?.as_str() {
                "cancelled" => return Ok(Cancelled::Done),
                "processing" => return Ok(Cancelled::Processing),
                "unknown_job" => return Ok(Cancelled::UnknownJob),
                "changed" => {}
                other => return Err(UpstashError::Unknown(format!("cancel answered {other:?}"))),
            }
        }
        Ok(Cancelled::Processing)
    }
}
