//! What was seen goes into the escrow, on whatever version it is by then.

use super::jobs::Origin;
use super::record::{Answer, RequestRecord};
use super::transition::{Transition, Transitioned, Write};
use super::{Ending, Escrows, MAX_TRIES, odd};
use crate::domain::escrow::{Escrow, Seen};
use crate::upstash::UpstashError;

/// Whose answer is written with the end of an operation.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) record: &'a RequestRecord,
    pub(super) render: &'a (dyn Fn(Ending<'_>) -> Answer + Sync),
}

/// What one is told, and by whom.
pub(super) struct Told<'a> {
    pub(super) seen: &'a [Seen],
    /// `partner`, `admin`, `fallback` or `stripe`.
    pub(super) by: &'a str,
    pub(super) asker: Option<Asker<'a>>,
    pub(super) event: Option<&'a str>,
    pub(super) origin: Origin<'a>,
}

impl Escrows {
    /// Writes what was seen into the escrow. Where it tells nothing new, nothing is written.
    pub(super) async fn settle(&self, escrow: Escrow, told: &Told<'_>) -> Result<Settled, UpstashError> {
        let mut current = escrow;
        for _ in 0..MAX_TRIES {
            let Some(mut after) = current.observe(told.seen, told.by, self.clock.now()) else {
                return self.nothing_new(current, told).await;
            };
            let jobs = self.jobs(Some(&current), &mut after, told.origin);
            let answer = told.asker.and_then(|asker| asker.answer_of(&after));
            let write = match (&told.asker, &answer) {
                (Some(asker), Some(answer)) => Write::Answer(asker.record, answer),
                _ => Write::Nothing,
            };
            let transition =
                Transition { before: Some(&current), after: &after, jobs: &jobs, write, event: told.event };
            match self.transition(&transition).await? {
                Transitioned::Done => {
                    tracing::info!(escrow.id = %after.id, by = told.by, from = %current.state, to = %after.state, version = after.version, "escrow {} is {}", after.id, after.state);
                    return Ok(Settled { escrow: after, moved: true, answer });
                }
                Transitioned::Changed(Some(newer)) => current = *newer,
                Transitioned::Changed(None) | Transitioned::BegunBefore => return Err(odd("it vanished")),
            }
        }
        Err(odd("it changed faster than it could be written"))
    }

    /// Somebody else wrote it before: the request's answer is still to be kept.
    async fn nothing_new(&self, escrow: Escrow, told: &Told<'_>) -> Result<Settled, UpstashError> {
        let answer = told.asker.and_then(|asker| asker.answer_of(&escrow));
        if let (Some(asker), Some(answer)) = (&told.asker, &answer) {
            self.answer(asker.record, Some(answer)).await?;
        }
        Ok(Settled { escrow, moved: false, answer })
    }
}

/// An escrow after it was told something.
pub(super) struct Settled {
    pub(super) escrow: Escrow,
    pub(super) moved: bool,
    /// The answer to the request, where its operation has ended.
    pub(super) answer: Option<Answer>,
}

impl Asker<'_> {
    /// Makes the answer, where the request's operation has ended.
    pub(super) fn answer_of(&self, escrow: &Escrow) -> Option<Answer> {
        escrow.ending_of(&self.record.name).map(|failure| match failure {
            Some(failure) => (self.render)(Ending::Refused(escrow, failure)),
            None => (self.render)(Ending::Done(escrow)),
        })
    }
}
