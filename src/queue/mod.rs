//! The queue: what is enqueued is done at least once, or ends among the dead letters with the reason.
//!
//! Each operation is one script, so it happens whole or not at all; each may be repeated when its answer was lost. A job that was
//! claimed is held under a lease: until that lapses nobody else gets it, and once another claim has it the first can no
//! longer settle it. The queue knows nothing of what a job does.

mod alert;
mod cancel;
mod claim;
mod control;
mod dead_letters;
mod enqueue;
mod measured;
mod minutes;
mod oldest_due;
mod overview;
mod probe;
mod recorder;
mod settle;
mod stats;
mod status;

pub use alert::Turn;
pub use cancel::Cancelled;
pub use claim::{ClaimRequest, Claimed, ClaimedJob};
pub use control::{ControlView, DelayedJob, DelayedPage, DelayedPlace, MaxAttemptsSet};
pub use dead_letters::{
    Change, ChangeError, Changed, DeadLetter, EditError, LetterFilter, LetterOrder, LetterPage, LetterPlace,
    LetterRange, MAX_IDS, Recovered, Step, TreatError, Treatment,
};
pub use enqueue::{EnqueueError, Enqueued};
pub use minutes::{Events, Minutes, Slot, Span};
pub use oldest_due::OldestDue;
pub use overview::Overview;
pub use probe::Probe;
pub use recorder::{Caller, Recorder};
pub use settle::{Settled, Settlement, Verdict};
pub use stats::QueueStats;
pub use status::JobView;

use std::sync::Arc;

use crate::domain::job::JobType;
use crate::domain::sealed::PayloadKeys;
use crate::edge::Clock;
use crate::upstash::Upstash;
use crate::upstash::keys::Keys;

/// The scripts of the queue, for the test that compares each header with its call.
pub static SCRIPTS: [&crate::upstash::Script; 22] = [
    &enqueue::ENQUEUE,
    &claim::CLAIM,
    &settle::SETTLE,
    &cancel::CANCEL,
    &status::STATUS,
    &stats::STATS,
    &alert::LOOK,
    &alert::TURN_ALERT,
    &measured::MEASURED,
    &minutes::MINUTES,
    &oldest_due::OLDEST_DUE,
    &probe::PROBE,
    &dead_letters::DEAD_LETTERS,
    &dead_letters::FIND,
    &dead_letters::REDRIVE,
    &dead_letters::DISCARD,
    &dead_letters::EDIT,
    &dead_letters::POSTPONE,
    &control::CONTROL,
    &control::READ_CONTROL,
    &control::MAX_ATTEMPTS,
    &control::DELAYED,
];

/// The queue of one database and prefix. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    upstash: Upstash,
    keys: Keys,
    clock: Clock,
    payload_keys: Option<Arc<PayloadKeys>>,
}

impl Queue {
    /// Makes the queue.
    pub fn new(upstash: Upstash, keys: Keys, clock: Clock) -> Self {
        Self { upstash, keys, clock, payload_keys: None }
    }

    /// Seals the payloads of what is enqueued from here on, and opens what was sealed.
    #[must_use]
    pub fn sealed_by(self, payload_keys: Option<PayloadKeys>) -> Self {
        Self { payload_keys: payload_keys.map(Arc::new), ..self }
    }

    /// Returns what payloads are sealed by.
    pub(crate) fn payload_keys(&self) -> Option<&PayloadKeys> {
        self.payload_keys.as_deref()
    }

    /// Returns the names of the queue's keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns what this process measured and is still to be put into Redis, with the next batch that is settled.
    pub fn measures(&self) -> &crate::measures::Measures {
        self.upstash.measures()
    }

    fn queues<'a>(&'a self, types: &'a [JobType]) -> impl Iterator<Item = String> + 'a {
        types.iter().map(|job_type| self.keys.queue(*job_type))
    }
}

/// The texts of types, as scripts take them.
fn names<'a>(types: &[JobType]) -> impl Iterator<Item = std::borrow::Cow<'a, str>> + use<'a, '_> {
    types.iter().map(|job_type| job_type.as_str().into())
}
