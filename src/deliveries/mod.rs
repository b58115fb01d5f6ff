//! Deliveries: what became of a mail after the provider took it, and which addresses are not written to any more.
//!
//! An event is noted once however often it is sent, and in any order: of each sort the earliest time is kept. A suppressed address is
//! kept as a hash alone. What is known of a job's mails is kept for [`KEEP`] after the last event.

mod find;
mod may_send;
mod note_sent;
mod of_job;
mod suppressed;
mod tag;
mod take_in;

pub use find::Found;
pub use may_send::MaySend;
pub use of_job::MailDelivery;
pub use suppressed::{AddressHash, Suppressed, SuppressedPage, SuppressedPlace};
pub use tag::{JOB_TAG, RECIPIENT_TAG, read_tag, write_tag};
pub use take_in::{Happened, Noted};

use std::time::Duration;

use crate::domain::sealed::PayloadKeys;
use crate::upstash::keys::Keys;
use crate::upstash::{Script, Upstash};

/// How long what is known of a job's mails is kept after the last event. Chosen: a day's job with the two days a server may put a mail off.
pub const KEEP: Duration = Duration::from_hours(72);

/// The scripts of the deliveries, for the test that compares each header with its call.
pub static SCRIPTS: [&Script; 7] = [
    &find::FIND,
    &may_send::MAY_SEND,
    &note_sent::NOTE_SENT,
    &take_in::TAKE_IN,
    &of_job::OF_JOB,
    &suppressed::LIST,
    &suppressed::LIFT,
];

/// The deliveries of one database and prefix. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deliveries {
    upstash: Upstash,
    keys: Keys,
    payload_keys: Option<PayloadKeys>,
}

impl Deliveries {
    /// Makes them.
    pub fn new(upstash: Upstash, keys: Keys) -> Self {
        Self { upstash, keys, payload_keys: None }
    }

    /// Looks into sealed payloads too.
    #[must_use]
    pub fn opening(self, payload_keys: Option<PayloadKeys>) -> Self {
        Self { payload_keys, ..self }
    }
}
