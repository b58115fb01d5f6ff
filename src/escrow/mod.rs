//! Escrows in Redis and at Stripe: money moves at most once, and what moved is never forgotten.
//!
//! An operation is written down before Stripe is asked, with a job that would finish it, and its end is written with its side
//! effects in one step. Whatever was seen at Stripe goes the same way into the escrow: by the request, the fallback job or an event.
//! Who may call, and what the caller is told, is left to others.

mod create;
mod event;
mod finish;
mod jobs;
mod operate;
mod read;
mod record;
mod seen;
mod settle;
mod transition;

use crate::config::{Config, Setting};
use crate::domain::escrow::{Escrow, Failure};
use crate::edge::{Clock, Dice};
use crate::queue::Queue;
use crate::stripe::Stripe;
use crate::upstash::{Script, Upstash, UpstashError};
use crate::upstash_script;

pub use event::{Event, EventError, TakenIn};
pub use finish::{Fallback, Finished};
pub use jobs::Origin;
pub use operate::{Done, OperateError, Order};
pub use read::get;
pub use record::{Answer, RequestRecord};

/// The scripts of escrows, for the test that compares each header with its call.
pub static SCRIPTS: [&Script; 3] = [&transition::TRANSITION, &record::ANSWER, &read::READ];

/// The table of moves as Redis has it, for the test that compares it with ours.
pub static LEGAL: Script = upstash_script!("legal", "moves.lua", "legal.lua");

/// Times a transition is tried on a newer version, when another was faster. Chosen: an escrow has few movers, and each try is a call.
const MAX_TRIES: u32 = 4;

/// The escrows of one database and prefix. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Escrows {
    upstash: Upstash,
    queue: Queue,
    stripe: Setting<Stripe>,
    clock: Clock,
    dice: Dice,
}

/// How an operation ended, for the answer.
#[derive(Clone, Copy, Debug)]
pub enum Ending<'a> {
    /// As it was meant to, or otherwise by what happened at Stripe.
    Done(&'a Escrow),
    /// Stripe refused.
    Refused(&'a Escrow, &'a Failure),
}

impl Escrows {
    /// Makes the escrows; without Stripe only what needs it is refused.
    pub fn new(
        config: &Config,
        http: &reqwest::Client,
        upstash: Upstash,
        queue: Queue,
        clock: Clock,
        dice: Dice,
    ) -> Self {
        let stripe = config.stripe.clone();
        let stripe = stripe.map(|stripe| Stripe::new(stripe, http.clone(), clock.clone()));
        Self { upstash, queue, stripe, clock, dice }
    }
}

/// An answer that is not what the script was written to give.
fn odd(what: impl std::fmt::Display) -> UpstashError {
    UpstashError::Unknown(format!("escrow: {what}"))
}
