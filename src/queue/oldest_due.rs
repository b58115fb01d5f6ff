//! `oldest_due`: since when the job that waits longest could have been done.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Queue, status};
use crate::domain::id::JobId;
use crate::domain::job::JobType;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static OLDEST_DUE: Script = upstash_script!("oldest_due", "../upstash/prelude.lua", "oldest_due.lua");

/// The age of the oldest job that is due; nothing when none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldestDue {
    /// How long it has been due.
    pub age: Option<Duration>,
}

/// Since when the first job of each queue has been due; types whose queue is empty are left out.
pub(super) type OldestByType = BTreeMap<JobType, Duration>;

impl Queue {
    /// Returns how long the oldest due job has been so. A growing age says that no processor runs.
    pub async fn oldest_due(&self) -> Result<OldestDue, UpstashError> {
        read(self.upstash.run(Patience::REQUEST, &self.oldest_due_call()).await?)
    }

    /// Makes the script call.
    pub(super) fn oldest_due_call(&self) -> ScriptCall<'static> {
        let mut keys = vec![self.keys.timers()];
        keys.extend(self.queues(&JobType::ALL));
        let args = vec![self.clock.script_arg().into(), self.keys.prefix().to_owned().into()];
        ScriptCall { script: &OLDEST_DUE, keys, args }
    }
}

/// Reads what the script answered.
pub(super) fn read(reply: Reply) -> Result<OldestDue, UpstashError> {
    Ok(read_by_type(reply)?.0)
}

/// Reads what the script answered, also by type.
pub(super) fn read_by_type(reply: Reply) -> Result<(OldestDue, OldestByType), UpstashError> {
    let mut reply = reply.array()?.into_iter();
    let mut next = || reply.next().ok_or_else(|| UpstashError::Unknown("oldest_due: the answer ends too soon".into()));
    let now = Millis(next()?.integer()?);
    let timer = next()?.optional_text()?.and_then(|score| score.parse().ok()).map(Millis);
    let (mut since, mut by_type) = (timer, OldestByType::new());
    while let (Some(id), Some(document)) = (reply.next(), reply.next()) {
        let Some((job_type, due)) = due_since(&id.text()?, document.optional_text()?, now) else { continue };
        by_type.insert(job_type, now.since(due));
        since = since.into_iter().chain([due]).min();
    }
    Ok((OldestDue { age: since.map(|since| now.since(since)) }, by_type))
}

/// Since when the job has been due, and of which type it is; unknown for an id without a document.
fn due_since(id: &str, document: Option<String>, now: Millis) -> Option<(JobType, Millis)> {
    let document = status::read(&JobId::parse(id).ok()?, &document?, now);
    Some((document.job_type, document.run_at.unwrap_or(document.created_at)))
}
