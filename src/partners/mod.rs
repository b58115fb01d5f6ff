//! Partners: their webhook endpoints, how each does, and the split of one webhook into one job an endpoint.
//!
//! An endpoint's document is written here and by nobody else; how it does is kept beside it, so that deliveries never overwrite a change
//! of an operator's. An endpoint that is gone, or has failed for five days, is disabled until it is enabled again.

mod attempt;
mod change;
mod fan_out;
mod find;
mod manage;
mod read;
mod view;

pub use attempt::{Attempt, Disabled, Went};
pub use change::{Changed, PartnerChange};
pub use fan_out::child_id;
pub use find::Found;
pub use manage::{EndpointUpdate, ManageError, Manager, NewEndpoint, Sent};
pub use read::{Does, KnownEndpoint, Partner, Standing};
pub use view::{EndpointView, PartnerView};

use crate::edge::Clock;
use crate::queue::Queue;
use crate::upstash::keys::Keys;
use crate::upstash::{Script, Upstash};

/// The name under which the attempts at the deployment's own endpoint are kept, `WEBHOOK_URL`.
pub const DEFAULT_ENDPOINT: &str = "default";

/// The scripts of partners, for the test that compares each header with its call.
pub static SCRIPTS: [&Script; 7] = [
    &read::READ_PARTNER,
    &change::CHANGE_PARTNER,
    &fan_out::FAN_OUT,
    &find::FIND_ENDPOINT,
    &attempt::NOTE_ATTEMPT,
    &attempt::NOTE_TOLD,
    &attempt::ATTEMPTS,
];

/// The partners of one database and prefix. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Partners {
    upstash: Upstash,
    keys: Keys,
    queue: Queue,
    clock: Clock,
}

impl Partners {
    /// Makes them.
    pub fn new(upstash: Upstash, queue: Queue, clock: Clock) -> Self {
        Self { upstash, keys: queue.keys().clone(), queue, clock }
    }
}
