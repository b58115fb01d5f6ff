//! `oldest_due`: since when the job that waits longest could have been done.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Queue, names, status};
use crate::domain::id::JobId;
use crate::domain::job::JobType;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static OLDEST_DUE: Script = upstash_script!("oldest_due", "../upstash/prelude.lua", "oldest_due.lua");

/// How long it is kept since when a job has been seen at the head of its queue. Chosen: whoever watches looks more often, and an id that is
/// used again later begins anew.
const HEADS_KEPT: Duration = Duration::from_hours(1);

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
    ///
    /// A job of another producer's that does not tell when it was made is as old as this has seen it at the head of its queue.
    pub async fn oldest_due(&self) -> Result<OldestDue, UpstashError> {
        read(self.upstash.run(Patience::REQUEST, &self.oldest_due_call()).await?)
    }

    /// Makes the script call.
    pub(super) fn oldest_due_call(&self) -> ScriptCall<'static> {
        let mut keys = vec![self.keys.timers(), self.keys.heads()];
        keys.extend(self.queues(&JobType::ALL));
        let keep_ms = HEADS_KEPT.as_millis().to_string();
        let mut args = vec![self.clock.script_arg().into(), self.keys.prefix().to_owned().into(), keep_ms.into()];
        args.extend(names(&JobType::ALL));
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
    while let (Some(id), Some(seen), Some(document)) = (reply.next(), reply.next(), reply.next()) {
        let (seen, document) = (Millis(seen.integer()?), document.optional_text()?);
        let Some((job_type, due)) = due_since(&id.text()?, document, seen) else { continue };
        by_type.insert(job_type, now.since(due));
        since = since.into_iter().chain([due]).min();
    }
    Ok((OldestDue { age: since.map(|since| now.since(since)) }, by_type))
}

/// Since when the job has been due, and of which type it is; unknown for an id without a document. `seen` stands in for a time of creation.
fn due_since(id: &str, document: Option<String>, seen: Millis) -> Option<(JobType, Millis)> {
    let document = status::read(&JobId::parse(id).ok()?, &document?, seen);
    Some((document.job_type, document.run_at.unwrap_or(document.created_at)))
}
