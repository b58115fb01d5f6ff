//! One round: the jobs of one claim, run a few at once, each under its own timeout.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::batch::Handler;
use super::stop::Stop;
use super::time_box::TimeBox;
use super::verdict;
use crate::domain::job::{JobDocument, Payload};
use crate::domain::limits::{HANDLER_TIMEOUT, HANDLERS_AT_ONCE};
use crate::domain::millis::Millis;
use crate::domain::outcome::{Failure, FailureKind, Outcome};
use crate::queue::{Claimed, ClaimedJob, Verdict};
use crate::telemetry;

/// A job with its verdict, and how long its handler ran where one did.
pub(super) struct Ended {
    pub(super) job: ClaimedJob,
    pub(super) verdict: Verdict,
    pub(super) ran: Option<Duration>,
}

/// The jobs of one claim: those that wait, those that run, and those with a verdict that is not settled yet.
pub(super) struct Round {
    waiting: VecDeque<ClaimedJob>,
    running: JoinSet<Outcome>,
    started: HashMap<Id, Started>,
    /// Redis' time at the claim, and ours, so that times are told by Redis' clock.
    claimed_at: (Millis, Instant),
    time_box: TimeBox,
    stop: Stop,
    verdicts: Vec<Ended>,
}

struct Started {
    job: ClaimedJob,
    max_attempts: u32,
    at: Instant,
}

impl Round {
    /// Takes the jobs of a claim. Types take turns: the first of each, then the second of each ...
    pub(super) fn new(claimed: Claimed, time_box: TimeBox, stop: Stop) -> Self {
        let mut turns: Vec<(usize, ClaimedJob)> = Vec::with_capacity(claimed.jobs.len());
        let mut of_type: HashMap<_, usize> = HashMap::new();
        for job in claimed.jobs {
            let turn = of_type.entry(job.job_type).or_default();
            turns.push((*turn, job));
            *turn += 1;
        }
        turns.sort_by_key(|(turn, _)| *turn);
        Self {
            waiting: turns.into_iter().map(|(_, job)| job).collect(),
            running: JoinSet::new(),
            started: HashMap::new(),
            claimed_at: (claimed.now, Instant::now()),
            time_box,
            stop,
            verdicts: Vec::new(),
        }
    }

    /// Tells whether nothing waits and nothing runs.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Tells whether jobs of the claim have not been started.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Tells whether no handler may run any more.
    pub(super) fn work_is_over(&self) -> bool {
        Instant::now() >= self.work_ends()
    }

    /// Tells whether no handler may be begun any more, though those that run may end.
    pub(super) fn is_closing(&self) -> bool {
        self.stop.told().is_some() || !self.time_box.may_begin()
    }

    fn work_ends(&self) -> Instant {
        let ends = self.time_box.work_ends();
        self.stop.told().map_or(ends, |grace_ends| grace_ends.min(ends))
    }

    /// Tells whether another claim is worth its call.
    pub(super) fn has_room(&self) -> bool {
        self.time_box.has_room() && !self.is_closing()
    }

    /// Runs handlers until all are done, or `until`. Nothing runs past the end of work, and once the round is closing nothing is begun.
    pub(super) async fn run(&mut self, handler: &impl Handler, until: Instant) {
        let until = until.min(self.work_ends());
        loop {
            while self.running.len() < HANDLERS_AT_ONCE && !self.is_closing() {
                let Some(job) = self.waiting.pop_front() else { break };
                self.start(job, handler);
            }
            match timeout_at(until, self.running.join_next_with_id()).await {
                Ok(Some(Ok((id, outcome)))) => self.ended(id, outcome),
                Ok(Some(Err(error))) if error.is_panic() => {
                    let failure =
                        Failure::new(FailureKind::Panicked, "the handler panicked; its message is in the log");
                    self.ended(error.id(), Outcome::Failed(failure));
                }
                Ok(Some(Err(_)) | None) | Err(_) => break,
            }
        }
    }

    /// Ends the round: what has not started is given back, what still runs is cancelled and tried again.
    pub(super) fn close(&mut self) {
        while let Some(Ok((id, outcome))) = self.running.try_join_next_with_id() {
            self.ended(id, outcome);
        }
        self.running.abort_all();
        let ids: Vec<Id> = self.started.keys().copied().collect();
        for id in ids {
            let failure = Failure::new(FailureKind::Timeout, "the processor's time was over before the handler ended");
            self.ended(id, Outcome::Failed(failure));
        }
        self.give_back();
    }

    /// Gives back what has not started: it costs no attempt. From the last to the first, since each goes to the head of its queue, and all
    /// may take several calls.
    pub(super) fn give_back(&mut self) {
        while let Some(job) = self.waiting.pop_back() {
            self.verdicts.push(Ended { job, verdict: Verdict::Release(None), ran: None });
        }
    }

    /// Takes the verdicts that came since the last time.
    pub(super) fn take_verdicts(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.verdicts)
    }

    /// Returns when the jobs were claimed, by Redis' clock.
    pub(super) fn claimed_at(&self) -> Millis {
        self.claimed_at.0
    }

    /// Returns the time by Redis' clock.
    pub(super) fn now(&self) -> Millis {
        self.claimed_at.0.plus(self.claimed_at.1.elapsed())
    }

    fn start(&mut self, job: ClaimedJob, handler: &impl Handler) {
        let (document, payload) = match verdict::before_run(&job, self.now()) {
            Ok(readable) => readable,
            Err(verdict) => {
                log(&job, &verdict, Duration::ZERO);
                return self.verdicts.push(Ended { job, verdict, ran: None });
            }
        };
        let max_attempts = document.max_attempts;
        let (id, job_type, attempt) = (&job.id, job.job_type, job.attempt);
        let trace = telemetry::trace_id(document.traceparent.as_deref());
        let span = tracing::info_span!("job", job.id = %id, queue = %job_type, attempt, trace.id = trace);
        let task = self.running.spawn(run(handler.clone(), attempt, document, payload).instrument(span));
        self.started.insert(task.id(), Started { job, max_attempts, at: Instant::now() });
    }

    fn ended(&mut self, id: Id, outcome: Outcome) {
        let Some(Started { job, max_attempts, at }) = self.started.remove(&id) else {
            return;
        };
        let verdict = verdict::after_run(&job, max_attempts, outcome, self.now());
        let ran = at.elapsed();
        log(&job, &verdict, ran);
        self.verdicts.push(Ended { job, verdict, ran: Some(ran) });
    }
}

async fn run(handler: impl Handler, attempt: u32, document: JobDocument, payload: Payload) -> Outcome {
    let run = handler(attempt, document, payload);
    tokio::time::timeout(HANDLER_TIMEOUT, run).await.unwrap_or_else(|_| {
        let message = format!("the handler did not end within {} s", HANDLER_TIMEOUT.as_secs());
        Outcome::Failed(Failure::new(FailureKind::Timeout, message))
    })
}

fn log(job: &ClaimedJob, verdict: &Verdict, ran: Duration) {
    // A number of 128 bits would be logged as a text.
    let duration_ms = u64::try_from(ran.as_millis()).unwrap_or(u64::MAX);
    let (id, job_type, attempt) = (&job.id, job.job_type, job.attempt);
    let trace = job.document.as_ref().ok().and_then(|document| telemetry::trace_id(document.traceparent.as_deref()));
    match verdict {
        Verdict::Complete => {
            tracing::info!(job.id = %id, queue = %job_type, attempt, trace.id = trace, outcome = "completed", duration_ms, "completed job {id} on attempt {attempt}");
        }
        Verdict::Retry { failure, at } => {
            tracing::warn!(job.id = %id, queue = %job_type, attempt, trace.id = trace, outcome = "retried", duration_ms, due = at.0, error = %failure, "job {id} failed on attempt {attempt} and will be tried again");
        }
        Verdict::Bury(failure) => {
            tracing::error!(job.id = %id, queue = %job_type, attempt, trace.id = trace, outcome = "dead_lettered", duration_ms, error = %failure, "job {id} is a dead letter after attempt {attempt}");
        }
        Verdict::Release(_) | Verdict::Forget => {
            tracing::info!(job.id = %id, queue = %job_type, attempt, trace.id = trace, outcome = "released", duration_ms, "job {id} was given back");
        }
    }
}
