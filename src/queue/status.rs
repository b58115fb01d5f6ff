//! `status`: what is known of one job.

use super::{Queue, names};
use crate::domain::id::JobId;
use crate::domain::job::{JobDocument, JobStatus, JobType};
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static STATUS: Script = upstash_script!("status", "status.lua");

/// A job as it is now: its document with status, attempts and due time taken from the queue's structures.
#[derive(Clone, Debug)]
pub struct JobView {
    /// The job.
    pub document: JobDocument,
    /// The document as stored.
    pub(super) stored: String,
}

impl Queue {
    /// Returns what is known of a job; nothing when it never was, or its time of keeping is over.
    ///
    /// # Errors
    /// Where another producer's document cannot be read, it is shown as one with the text in `unreadable`.
    pub async fn status(&self, id: &JobId) -> Result<Option<JobView>, UpstashError> {
        Ok(self.statuses(std::slice::from_ref(id)).await?.pop().flatten())
    }

    /// Returns what is known of each of these jobs, in one call.
    pub async fn statuses(&self, ids: &[JobId]) -> Result<Vec<Option<JobView>>, UpstashError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let calls = |_| ids.iter().map(|id| self.status_call(id)).collect();
        let replies = self.upstash.run_all(Patience::REQUEST, calls).await?;
        ids.iter().zip(replies).map(|(id, reply)| self.view(id, reply)).collect()
    }

    fn status_call(&self, id: &JobId) -> ScriptCall<'static> {
        let keys = vec![self.keys.timers(), self.keys.attempts(), self.keys.job(id)];
        let mut args = vec![id.to_string().into()];
        args.extend(names(&JobType::ALL));
        ScriptCall { script: &STATUS, keys, args }
    }

    fn view(&self, id: &JobId, reply: Reply) -> Result<Option<JobView>, UpstashError> {
        let mut reply = reply.array()?.into_iter();
        let mut next = || reply.next().unwrap_or(Reply::Null).optional_text();
        let (Some(stored), attempts, timer) = (next()?, next()?, next()?) else {
            return Ok(None);
        };
        let mut document = read(id, &stored, self.clock.now()).opened(self.payload_keys());
        if !document.status.is_terminal() {
            let timer = timer.as_deref().and_then(|score| score.parse().ok()).map(Millis);
            place(&mut document, attempts.as_deref(), timer);
        }
        Ok(Some(JobView { document, stored }))
    }
}

/// Reads a stored document whose type only it tells.
pub(super) fn read(id: &JobId, stored: &str, now: Millis) -> JobDocument {
    let job_type = JobDocument::type_of(stored).unwrap_or(JobType::AuditLogCreated);
    JobDocument::parse(id.clone(), job_type, stored, now)
        .unwrap_or_else(|_| JobDocument::of_unreadable(id.clone(), job_type, stored, now))
}

/// Sets what the queue's structures know better than the document.
fn place(document: &mut JobDocument, attempts: Option<&str>, timer: Option<Millis>) {
    let (begun, held) = attempts.map_or(("0", false), |text| match text.split_once(' ') {
        Some((begun, _)) => (begun, true),
        None => (text, false),
    });
    document.attempt_count = begun.parse().unwrap_or(document.attempt_count);
    document.status = match timer {
        _ if held => JobStatus::Processing,
        Some(due) => {
            document.run_at = Some(due);
            if document.attempt_count == 0 { JobStatus::Scheduled } else { JobStatus::Failed }
        }
        None => JobStatus::Pending,
    };
}
