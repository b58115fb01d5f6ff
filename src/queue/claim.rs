//! `claim`: take ready jobs under a lease.

use std::time::Duration;

use super::{Queue, names};
use crate::domain::id::{ClaimId, JobId};
use crate::domain::job::{DocumentError, JobDocument, JobType};
use crate::domain::limits::{KEEP_DEAD, MAX_CLAIM_BYTES, MAX_CLAIM_LIMIT, MAX_DOCUMENT_BYTES, MAX_SWEEP};
use crate::domain::millis::Millis;
use crate::domain::sealed::PayloadKeys;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static CLAIM: Script = upstash_script!("claim", "../upstash/prelude.lua", "claim.lua");

/// What is to be claimed.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The claim's own id, never used before.
    pub id: ClaimId,
    /// The types; they share the call and each gets its own share.
    pub types: Vec<JobType>,
    /// Jobs of each type at most; more than [`MAX_CLAIM_LIMIT`] is taken for that.
    pub limit: u32,
    /// How long the jobs are held.
    pub lease: Duration,
}

/// What a claim got.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The jobs, those of one type in the order in which they came; types take turns.
    pub jobs: Vec<ClaimedJob>,
    /// Redis' time when they were claimed.
    pub now: Millis,
    /// Dead letters whose time to come back by themselves has come, for [`Queue::recover`]. Left alone, they are named again once a
    /// lease has passed.
    pub coming_back: Vec<JobId>,
    /// Whether another claim may find more at once. What is only paused or at a limit is not more.
    pub more: bool,
}

/// A job held under a lease.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// Its id.
    pub id: JobId,
    /// Its type.
    pub job_type: JobType,
    /// Which attempt this is; the first is 1. It is counted already.
    pub attempt: u32,
    /// The claim that holds it: the fencing token.
    pub claim: ClaimId,
    /// The document as stored; of one above [`MAX_DOCUMENT_BYTES`] only the beginning.
    pub text: String,
    /// The document as read, or why it cannot be.
    pub document: Result<JobDocument, DocumentError>,
}

impl Queue {
    /// Claims up to `limit` jobs of each type. Timers that ran out are seen to first.
    ///
    /// # Guarantees
    /// No job is given to two claims whose leases both hold. A claim whose answer was lost is repeated and gets the same jobs.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, UpstashError> {
        let mut replies =
            self.upstash.run_all(Patience::REQUEST, |again| vec![self.claim_call(request, again)]).await?;
        let reply = replies.pop().ok_or_else(|| UpstashError::Unknown("claim: no answer".into()))?;
        read(reply, request, self.payload_keys())
    }

    /// Makes the script call; `again` when an earlier one may have been done.
    pub(super) fn claim_call(&self, request: &ClaimRequest, again: bool) -> ScriptCall<'static> {
        let mut keys = vec![
            self.keys.timers(),
            self.keys.attempts(),
            self.keys.in_flight(),
            self.keys.dead_letters(),
            self.keys.counters(),
            self.keys.claim(&request.id),
            self.keys.control(),
        ];
        keys.extend(self.queues(&request.types));
        let mut args = vec![
            self.clock.script_arg().into(),
            request.id.to_string().into(),
            if again { "1" } else { "" }.into(),
            request.lease.as_millis().to_string().into(),
            request.limit.clamp(1, MAX_CLAIM_LIMIT).to_string().into(),
            MAX_SWEEP.to_string().into(),
            MAX_CLAIM_BYTES.to_string().into(),
            self.keys.prefix().to_owned().into(),
            KEEP_DEAD.as_millis().to_string().into(),
            MAX_DOCUMENT_BYTES.to_string().into(),
        ];
        args.extend(names(&request.types));
        ScriptCall { script: &CLAIM, keys, args }
    }
}

/// Reads what the script answered to `request`.
pub(super) fn read(reply: Reply, request: &ClaimRequest, keys: Option<&PayloadKeys>) -> Result<Claimed, UpstashError> {
    let mut reply = reply.array()?.into_iter();
    let mut next = || reply.next().ok_or_else(|| UpstashError::Unknown("claim: the answer ends too soon".into()));
    let word = next()?.text()?;
    let now = Millis(next()?.integer()?);
    if word == "empty" {
        return Ok(Claimed { jobs: Vec::new(), now, coming_back: Vec::new(), more: false });
    }
    let more = next()?.text()? == "more";
    let mut coming_back = Vec::new();
    for _ in 0..next()?.integer()? {
        coming_back.extend(JobId::parse(next()?.text()?).ok());
    }
    let mut jobs = Vec::new();
    while let Some(job_type) = reply.next() {
        let mut next = || reply.next().ok_or_else(|| UpstashError::Unknown("claim: a job is cut short".into()));
        let mut job = read_job(&job_type.text()?, next()?, next()?, next()?, &request.id, now)?;
        job.document = job.document.and_then(|mut document| document.open(keys).map(|()| document));
        jobs.push(job);
    }
    Ok(Claimed { jobs, now, coming_back, more })
}

fn read_job(
    job_type: &str,
    id: Reply,
    attempt: Reply,
    text: Reply,
    claim: &ClaimId,
    now: Millis,
) -> Result<ClaimedJob, UpstashError> {
    let odd = |what: String| UpstashError::Unknown(format!("claim: {what}"));
    let job_type: JobType = job_type.parse().map_err(|error| odd(format!("{error}")))?;
    let id = JobId::parse(id.text()?).map_err(|error| odd(error.to_string()))?;
    let (attempt, text) = (attempt.text()?, text.text()?);
    let (attempt, too_large) = match attempt.split_once(' ') {
        Some((attempt, bytes)) => (attempt.parse(), Some(bytes.parse().map_err(|error| odd(format!("{error}")))?)),
        None => (attempt.parse(), None),
    };
    let attempt = attempt.map_err(|error| odd(format!("{error}")))?;
    let document = match too_large {
        Some(bytes) => Err(DocumentError::TooLarge(bytes)),
        None => JobDocument::parse(id.clone(), job_type, &text, now),
    };
    Ok(ClaimedJob { id, job_type, attempt, claim: claim.clone(), text, document })
}
