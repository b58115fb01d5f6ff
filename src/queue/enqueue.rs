//! `enqueue`: one job or many, all of them or none.

use std::borrow::Cow;

use super::{Queue, names};
use crate::domain::id::JobId;
use crate::domain::job::{Due, JobType, NewJob};
use crate::domain::limits::{DEDUPE_WINDOW, MAX_ENQUEUE_BYTES, MAX_ENQUEUE_JOBS};
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static ENQUEUE: Script =
    upstash_script!("enqueue", "../upstash/prelude.lua", "store_jobs.lua", "enqueue.lua");

/// What became of a job that was to be enqueued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is stored under its id.
    New(JobId),
    /// Another job holds its dedupe key: that one's id. Nothing was stored.
    Duplicate(JobId),
}

impl Enqueued {
    /// Returns the id of the job that does the work.
    pub fn id(&self) -> &JobId {
        match self {
            Self::New(id) | Self::Duplicate(id) => id,
        }
    }
}

/// Jobs that were not enqueued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnqueueError {
    /// None, or too many at once.
    #[error("{0} jobs in one call, expected 1 to {MAX_ENQUEUE_JOBS}")]
    Count(usize),
    /// Their documents are too large together.
    #[error("the jobs have {0} bytes together, expected at most {MAX_ENQUEUE_BYTES}")]
    TooLarge(usize),
    /// Redis did not take them.
    #[error(transparent)]
    Upstash(#[from] UpstashError),
}

/// Keys and arguments for `store_jobs.lua`.
pub(crate) struct StoredBy {
    pub(crate) keys: Vec<String>,
    pub(crate) args: Vec<Cow<'static, str>>,
}

impl Queue {
    /// Stores `jobs` in one step: all of them, or none.
    ///
    /// # Guarantees
    /// Enqueuing a job with an id that is stored changes nothing, so the call may be repeated. A duplicate is answered with the
    /// first job's id for an hour, whatever became of that job, unless it was cancelled. Only the counter `{type}:duplicate` grows with each
    /// repetition that a duplicate is in.
    pub async fn enqueue(&self, jobs: &[NewJob]) -> Result<Vec<Enqueued>, EnqueueError> {
        let call = self.enqueue_call(jobs)?;
        let answers = self.upstash.run(Patience::REQUEST, &call).await?.array()?;
        if answers.len() != jobs.len() * 2 {
            return Err(UpstashError::Unknown("enqueue: an answer is missing".into()).into());
        }
        let mut answers = answers.into_iter();
        let mut enqueued = Vec::with_capacity(jobs.len());
        while let (Some(word), Some(id)) = (answers.next(), answers.next()) {
            enqueued.push(read(&word.text()?, id)?);
        }
        Ok(enqueued)
    }

    /// Makes the script call that stores `jobs`.
    fn enqueue_call(&self, jobs: &[NewJob]) -> Result<ScriptCall<'static>, EnqueueError> {
        if !(1..=MAX_ENQUEUE_JOBS).contains(&jobs.len()) {
            return Err(EnqueueError::Count(jobs.len()));
        }
        let stored = self.stored_by(jobs);
        let bytes = stored.args.iter().map(|arg| arg.len()).sum();
        if bytes > MAX_ENQUEUE_BYTES {
            return Err(EnqueueError::TooLarge(bytes));
        }
        let mut args: Vec<Cow<'static, str>> = vec![self.clock.script_arg().into()];
        args.extend(stored.args);
        Ok(ScriptCall { script: &ENQUEUE, keys: stored.keys, args })
    }

    /// Returns what `store_jobs.lua` takes to store `jobs`, for a script that does so beside something else.
    pub(crate) fn stored_by(&self, jobs: &[NewJob]) -> StoredBy {
        let types = types_of(jobs);
        let mut dedupes: Vec<String> = Vec::new();
        let mut items: Vec<Cow<'static, str>> = Vec::with_capacity(jobs.len() * 5);
        for job in jobs {
            let job_type = job.document.job_type;
            let type_index = types.iter().position(|known| *known == job_type).map_or(0, |index| index + 1);
            let dedupe = job.document.dedupe_key.as_ref().map_or(0, |key| {
                let name = self.keys.dedupe(job_type, key);
                dedupes.iter().position(|known| *known == name).unwrap_or_else(|| {
                    dedupes.push(name);
                    dedupes.len() - 1
                }) + 1
            });
            items.push(job.document.id.to_string().into());
            items.push(type_index.to_string().into());
            items.push(due(job.due).into());
            items.push(dedupe.to_string().into());
            items.push(job.document.clone().sealed(self.payload_keys()).to_json().into());
        }
        let mut keys = vec![self.keys.timers(), self.keys.counters()];
        keys.extend(self.queues(&types));
        keys.extend(jobs.iter().map(|job| self.keys.job(&job.document.id)));
        keys.extend(dedupes);
        let mut args: Vec<Cow<'static, str>> = vec![DEDUPE_WINDOW.as_millis().to_string().into()];
        args.extend([types.len().to_string().into(), jobs.len().to_string().into()]);
        args.extend(names(&types));
        args.extend(items);
        StoredBy { keys, args }
    }
}

fn types_of(jobs: &[NewJob]) -> Vec<JobType> {
    let used = |job_type: &JobType| jobs.iter().any(|job| job.document.job_type == *job_type);
    JobType::ALL.into_iter().filter(used).collect()
}

fn due(due: Due) -> String {
    match due {
        Due::Now => String::new(),
        Due::After(delay) => format!("+{}", delay.as_millis()),
        Due::At(at) => at.to_string(),
    }
}

fn read(word: &str, id: Reply) -> Result<Enqueued, UpstashError> {
    let id = id.text()?;
    let id = JobId::parse(id).map_err(|error| UpstashError::Unknown(format!("enqueue: {error}")))?;
    match word {
        "enqueued" => Ok(Enqueued::New(id)),
        "duplicate" => Ok(Enqueued::Duplicate(id)),
        other => Err(UpstashError::Unknown(format!("enqueue answered {other:?}"))),
    }
}
