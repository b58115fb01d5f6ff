//! `settle`: end claims, many at once.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use super::claim::{self, ClaimRequest, Claimed, ClaimedJob};
use super::{Queue, names};
use crate::domain::histogram;
use crate::domain::id::{ClaimId, JobId};
use crate::domain::job::{JobDocument, JobStatus, JobType, LastError};
use crate::domain::limits::{KEEP_COMPLETED, KEEP_DEAD, MAX_MEASURED, MAX_SETTLE_BYTES, MAX_SETTLEMENTS};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind};
use crate::domain::recovery;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static SETTLE: Script = upstash_script!("settle", "../upstash/prelude.lua", "fold.lua", "settle.lua");

/// How a claim of a job ends.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The side effect is done.
    Complete,
    /// It failed and is due again at a time.
    Retry {
        /// Why it failed.
        failure: Failure,
        /// When it is due.
        at: Millis,
    },
    /// It failed for good.
    Bury(Failure),
    /// It was not tried: the attempt does not count. Without a time it is the first of its queue; of several the last settled is.
    Release(Option<Millis>),
    /// The job's life was over already; the entry in the queue was one too many.
    Forget,
}

/// One claim's end.
#[derive(Clone, Debug)]
pub struct Settlement {
    id: JobId,
    job_type: JobType,
    attempt: u32,
    claim: ClaimId,
    verdict: Verdict,
    document: String,
    /// When a dead letter comes back by itself.
    recover_at: Option<Millis>,
    /// Whether the job came back from the dead letters by itself.
    is_recovered: bool,
    /// What was measured of it, as the script takes it.
    measured: String,
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It counts.
    Done,
    /// The lease had lapsed and the job went back: it counts for nothing.
    LeaseLost,
}

impl Settlement {
    /// Decides that the claim of `job` ends with `verdict`, `now` by Redis' clock.
    pub fn new(job: &ClaimedJob, verdict: Verdict, now: Millis) -> Self {
        let mut document = match &job.document {
            Ok(document) => document.clone(),
            Err(_) => JobDocument::of_unreadable(job.id.clone(), job.job_type, &job.text, now),
        };
        document.attempt_count = job.attempt;
        document.updated_at = now;
        let mut recover_at = None;
        match &verdict {
            Verdict::Complete => {
                document.status = JobStatus::Completed;
                document.completed_at = Some(now);
            }
            Verdict::Retry { failure, at } => {
                document.status = JobStatus::Failed;
                document.run_at = Some(*at);
                document.note_failure(job.attempt, now, failure);
                document.last_error = Some(LastError::from(failure.clone()));
            }
            Verdict::Bury(failure) => {
                document.status = JobStatus::DeadLetter;
                if failure.kind == FailureKind::Crashed {
                    // This claim found its attempts used up, and was none itself.
                    document.attempt_count = job.attempt.saturating_sub(1);
                }
                let wait = recovery::wait(document.recoveries, &job.id).filter(|_| failure.kind.is_retryable());
                recover_at = wait.map(|wait| now.plus(wait));
                document.run_at = recover_at;
                document.completed_at = Some(now);
                document.last_error = Some(LastError::from(failure.clone()));
            }
            Verdict::Release(_) | Verdict::Forget => {}
        }
        let stays = matches!(verdict, Verdict::Release(_) | Verdict::Forget);
        Self {
            id: job.id.clone(),
            job_type: job.job_type,
            attempt: job.attempt,
            claim: job.claim.clone(),
            verdict,
            recover_at,
            is_recovered: document.recoveries > 0,
            measured: String::new(),
            document: if stays { String::new() } else { document.to_json() },
        }
    }

    /// Measures the claim of `job`: how long it waited until it was claimed, how long its handler ran, where one did, and how long it took
    /// from its creation to its completion `now`. What is longer than [`MAX_MEASURED`] counts as that.
    #[must_use]
    pub fn measured(mut self, job: &ClaimedJob, claimed_at: Millis, ran: Option<Duration>, now: Millis) -> Self {
        let Ok(document) = &job.document else { return self };
        let mut note = |histogram: char, duration: Duration| {
            let duration = duration.min(MAX_MEASURED);
            let (space, ms) = (if self.measured.is_empty() { "" } else { " " }, duration.as_millis());
            let _ = write!(self.measured, "{space}{histogram}{} {ms}", histogram::bucket(duration));
        };
        if let Some(ran) = ran {
            note('d', ran);
            note('w', claimed_at.since(document.run_at.unwrap_or(document.created_at)));
        }
        if matches!(self.verdict, Verdict::Complete) {
            note('e', now.since(document.created_at));
        }
        self
    }

    /// Returns the job's id.
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// Returns how many bytes it adds to a request, before JSON's escapes.
    fn bytes(&self) -> usize {
        // Its key and the rest of what is said of it: the id twice, the claim, and a few numbers. Chosen.
        const BESIDE_THE_DOCUMENT: usize = 512;
        self.document.len() + BESIDE_THE_DOCUMENT
    }
}

impl Queue {
    /// Ends claims. Settlements of one job are applied in their order.
    ///
    /// # Guarantees
    /// A settlement whose lease was lost changes nothing. Repeated, the call answers as the first time.
    pub async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>, UpstashError> {
        let mut settled = Vec::with_capacity(settlements.len());
        for part in requests(settlements) {
            let calls = self.settle_calls(part);
            let replies = self.upstash.run_all(Patience::SETTLE, |_| calls.clone()).await?;
            settled.extend(read(replies, part.len())?);
        }
        Ok(settled)
    }

    /// Ends claims and makes the next one, in one request; where the documents are too large for that, in a few.
    pub async fn settle_and_claim(
        &self,
        settlements: &[Settlement],
        request: &ClaimRequest,
    ) -> Result<(Vec<Settled>, Claimed), UpstashError> {
        let last = requests(settlements).pop().unwrap_or_default();
        let mut settled = self.settle(&settlements[..settlements.len() - last.len()]).await?;
        let calls = self.settle_calls(last);
        let with_claim = |again| calls.iter().cloned().chain([self.claim_call(request, again)]).collect();
        let mut replies = self.upstash.run_all(Patience::SETTLE, with_claim).await?;
        let claimed = replies.pop().ok_or_else(|| UpstashError::Unknown("settle and claim: no answer".into()))?;
        settled.extend(read(replies, last.len())?);
        Ok((settled, claim::read(claimed, request, self.payload_keys())?))
    }

    fn settle_calls<'a>(&self, settlements: &'a [Settlement]) -> Vec<ScriptCall<'a>> {
        if settlements.is_empty() {
            return Vec::new();
        }
        let mut measures = self.upstash.measures().take();
        let chunks = settlements.chunks(MAX_SETTLEMENTS);
        chunks.map(|chunk| self.settle_call(chunk, std::mem::take(&mut measures))).collect()
    }

    fn settle_call<'a>(&self, settlements: &'a [Settlement], process_measures: String) -> ScriptCall<'a> {
        let used = |job_type: &JobType| settlements.iter().any(|settlement| settlement.job_type == *job_type);
        let types: Vec<JobType> = JobType::ALL.into_iter().filter(used).collect();
        let mut keys = vec![
            self.keys.timers(),
            self.keys.attempts(),
            self.keys.in_flight(),
            self.keys.dead_letters(),
            self.keys.counters(),
            self.keys.recovery(),
            self.keys.pending_measures(),
            self.keys.measures(),
        ];
        keys.extend(self.queues(&types));
        keys.extend(settlements.iter().map(|settlement| self.keys.job(&settlement.id)));
        let mut args: Vec<Cow<'a, str>> = vec![
            self.clock.script_arg().into(),
            KEEP_COMPLETED.as_millis().to_string().into(),
            KEEP_DEAD.as_millis().to_string().into(),
            self.keys.prefix().to_owned().into(),
            process_measures.into(),
            types.len().to_string().into(),
        ];
        args.extend(names(&types));
        for settlement in settlements {
            let type_index = types.iter().position(|known| *known == settlement.job_type).map_or(0, |index| index + 1);
            args.push(settlement.word().into());
            args.push(type_index.to_string().into());
            args.push(settlement.id.as_str().into());
            args.push(settlement.attempt.to_string().into());
            args.push(settlement.claim.as_str().into());
            args.push(settlement.at().into());
            args.push(settlement.document.as_str().into());
            args.push(settlement.measured.as_str().into());
        }
        ScriptCall { script: &SETTLE, keys, args }
    }
}

impl Settlement {
    fn word(&self) -> &'static str {
        match &self.verdict {
            Verdict::Bury(_) if self.is_recovered => "rebury",
            verdict => verdict.word(),
        }
    }

    fn at(&self) -> String {
        match self.verdict {
            Verdict::Retry { at, .. } | Verdict::Release(Some(at)) => at.to_string(),
            _ => self.recover_at.map_or_else(String::new, |at| at.to_string()),
        }
    }
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Retry { .. } => "retry",
            Self::Bury(_) => "bury",
            Self::Release(_) => "release",
            Self::Forget => "forget",
        }
    }
}

/// Splits settlements into what one request takes.
fn requests(settlements: &[Settlement]) -> Vec<&[Settlement]> {
    let (mut parts, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, settlement) in settlements.iter().enumerate() {
        bytes += settlement.bytes();
        if bytes > MAX_SETTLE_BYTES && at > from {
            parts.push(&settlements[from..at]);
            (from, bytes) = (at, settlement.bytes());
        }
    }
    parts.push(&settlements[from..]);
    parts
}

fn read(replies: Vec<Reply>, expected: usize) -> Result<Vec<Settled>, UpstashError> {
    let mut settled = Vec::with_capacity(expected);
    for reply in replies {
        for word in reply.array()? {
            settled.push(match word.text()?.as_str() {
                "settled" => Settled::Done,
                "lease_lost" => Settled::LeaseLost,
                other => return Err(UpstashError::Unknown(format!("settle answered {other:?}"))),
            });
        }
    }
    if settled.len() != expected {
        return Err(UpstashError::Unknown("settle: an answer is missing".into()));
    }
    Ok(settled)
}
