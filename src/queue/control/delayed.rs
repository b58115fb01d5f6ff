//! `delayed`: the jobs that wait for their time.

use crate::domain::id::JobId;
use crate::domain::job::JobType;
use crate::domain::limits::MAX_SWEEP;
use crate::domain::millis::Millis;
use crate::queue::Queue;
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(in crate::queue) static DELAYED: Script = upstash_script!("delayed", "delayed.lua");

/// A job that waits for its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedJob {
    /// Its id.
    pub id: JobId,
    /// Its type.
    pub job_type: JobType,
    /// When it is due.
    pub due: Millis,
    /// Attempts it has had: none for one that was delayed, some for one that failed.
    pub attempts: u32,
}

/// Where a timer stands among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedPlace {
    /// Its time.
    pub at: Millis,
    /// Its name.
    pub timer: String,
}

/// A page of delayed jobs; it may be short or empty though others follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedPage {
    /// The jobs, the next one first.
    pub jobs: Vec<DelayedJob>,
    /// Where the next page begins, while others may follow.
    pub next: Option<DelayedPlace>,
}

impl Queue {
    /// Returns the jobs that wait for their time behind a place, up to `limit` of them.
    pub async fn delayed(&self, after: Option<&DelayedPlace>, limit: u32) -> Result<DelayedPage, UpstashError> {
        let args = vec![
            after.map_or_else(String::new, |place| place.at.to_string()).into(),
            after.map_or("", |place| place.timer.as_str()).into(),
            limit.clamp(1, MAX_SWEEP).to_string().into(),
        ];
        let keys = vec![self.keys.timers(), self.keys.attempts()];
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &DELAYED, keys, args }).await?;
        let mut reply = reply.array()?.into_iter();
        let mut next = || reply.next().ok_or_else(|| UpstashError::Unknown("delayed: the answer ends too soon".into()));
        let (more, timer, at) = (next()?.text()? == "more", next()?.text()?, next()?.text()?);
        let place = at.parse().ok().map(|at| DelayedPlace { at: Millis(at), timer });
        let mut page = DelayedPage { jobs: Vec::new(), next: place.filter(|_| more) };
        while let (Some(timer), Some(due), Some(attempts)) = (reply.next(), reply.next(), reply.next()) {
            let timer = timer.text()?;
            let Some((job_type, id)) = timer.split_once('/') else { continue };
            let (Ok(job_type), Ok(id)) = (job_type.parse(), JobId::parse(id)) else { continue };
            let attempts = u32::try_from(attempts.integer()?).unwrap_or(0);
            page.jobs.push(DelayedJob { id, job_type, due: Millis(due.integer()?), attempts });
        }
        Ok(page)
    }
}
