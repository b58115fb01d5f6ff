//! The jobs of a move: those it causes, and those it makes needless.

use super::Escrows;
use crate::domain::escrow::{Effect, Escrow, Timer, effects, expiry_check, expiry_warning, fallback, timer_times};
use crate::domain::id::{DedupeKey, JobId};
use crate::domain::job::{JobDocument, JobOptions, JobStatus, NewJob};
use crate::domain::millis::Millis;

/// From where a move comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// The request's id; a fallback's is its job's.
    pub request_id: Option<&'a str>,
    /// W3C trace context of the request.
    pub traceparent: Option<&'a str>,
}

/// The jobs of a move.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    /// To be enqueued.
    pub(super) caused: Vec<NewJob>,
    /// To be taken back, as they are to be kept.
    pub(super) withdrawn: Vec<JobDocument>,
}

impl Escrows {
    /// Makes the jobs of the move from `before` to `after`, and notes their ids in `after`.
    pub(super) fn jobs(&self, before: Option<&Escrow>, after: &mut Escrow, origin: Origin<'_>) -> Jobs {
        let now = after.updated_at;
        let mut jobs = Jobs::default();
        let mut cause = |after: &mut Escrow, effect: Effect, id: JobId| {
            if let Some(mut job) = job(effect, id.clone(), now) {
                job.document.traceparent = origin.traceparent.map(str::to_owned);
                after.caused(id, job.document.job_type);
                jobs.caused.push(job);
            }
        };
        for effect in effects(before, after, origin.request_id) {
            cause(after, effect, self.dice.job_id(now));
        }
        let begun = after.pending.clone().filter(|_| before.is_none_or(|before| before.pending.is_none()));
        if let Some(pending) = begun {
            cause(after, fallback(after, &pending), pending.job.clone());
        }
        for timer in self.new_timers(after, now) {
            cause(after, timed(after, &timer), timer.job.clone());
            after.timers.push(timer);
        }
        if let Some(before) = before {
            jobs.withdrawn = withdrawn(before, after, now);
        }
        jobs
    }

    /// Makes the timers of an authorisation whose end has become known.
    fn new_timers(&self, escrow: &Escrow, now: Millis) -> Vec<Timer> {
        let waits = escrow.payment.authorized && !escrow.payment.is_settled() && escrow.timers.is_empty();
        let Some(ends) = escrow.payment.capture_before.filter(|_| waits) else {
            return Vec::new();
        };
        let (warn, look) = timer_times(ends);
        [(warn, true), (look, false)]
            .map(|(due, warns)| Timer { job: self.dice.job_id(now), made_at: now, due, warns })
            .into()
    }
}

fn timed(escrow: &Escrow, timer: &Timer) -> Effect {
    if timer.warns { expiry_warning(escrow, timer) } else { expiry_check(escrow, timer) }
}

/// Makes the documents of the jobs that `after` makes needless, and forgets its timers.
fn withdrawn(before: &Escrow, after: &mut Escrow, now: Millis) -> Vec<JobDocument> {
    let mut needless = Vec::new();
    if let Some(pending) = before.pending.as_ref().filter(|_| after.pending.is_none()) {
        needless.push((fallback(before, pending), pending.job.clone(), pending.at));
    }
    if after.payment.is_settled() {
        for timer in std::mem::take(&mut after.timers) {
            needless.push((timed(before, &timer), timer.job, timer.made_at));
        }
    }
    let cancelled = |(effect, id, made_at)| {
        let mut document = job(effect, id, made_at)?.document;
        document.status = JobStatus::Cancelled;
        document.updated_at = now;
        document.completed_at = Some(now);
        Some(document)
    };
    needless.into_iter().filter_map(cancelled).collect()
}

fn job(effect: Effect, id: JobId, now: Millis) -> Option<NewJob> {
    let options = JobOptions {
        dedupe_key: effect.dedupe_key.and_then(|key| DedupeKey::parse(key).ok()),
        max_attempts: effect.max_attempts,
        due: effect.due,
        traceparent: None,
    };
    let made = NewJob::new(id, effect.job_type, effect.payload, now, options);
    // Our own payloads are of their form; one that is not is a fault of ours, and no reason to stop the money.
    made.inspect_err(|error| tracing::error!(queue = %effect.job_type, %error, "a side effect could not be written"))
        .ok()
}
