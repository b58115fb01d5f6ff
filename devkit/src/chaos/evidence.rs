//! What is known after a run: nothing here is what the library says of itself but the escrows' amounts, which are compared with Stripe's.

use std::collections::{BTreeMap, BTreeSet};

use super::aof::Written;

/// How a job's effect is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// A mail to `m{mark}@example.com`.
    Mail,
    /// A webhook about the escrow `chaos-{mark}`.
    Webhook,
    /// An audit record with `"mark":{mark}`.
    Record,
    /// None: it is cancelled before it is due.
    Never,
}

/// A job that a producer was told is accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The id it was told.
    pub id: String,
    /// The producer's mark.
    pub mark: usize,
    /// What it is to do.
    pub effect: Effect,
    /// When it was to run, in ms since 1970: at once, or after its delay.
    pub due_ms: i64,
    /// Whether its cancellation was answered as done.
    pub cancelled: bool,
}

/// A process of the cron's that was killed.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// Which.
    pub number: u64,
    /// When, in ms since 1970.
    pub at_ms: i64,
}

/// A job's document in Redis.
#[derive(Clone, Debug, Default)]
pub struct JobEnd {
    /// `completed`, `dead_letter`, `cancelled`, or what it was before.
    pub status: String,
    /// Why it failed last.
    pub last_error: Option<String>,
}

/// A mail in the outbox.
#[derive(Clone, Debug)]
pub struct MailSeen {
    /// To whom.
    pub to: String,
    /// Its idempotency key.
    pub key: String,
    /// Its subject, which tells two mails to one address apart.
    pub subject: String,
}

/// A webhook at the partner's server.
#[derive(Clone, Debug)]
pub struct HookSeen {
    /// `webhook-id`.
    pub id: String,
    /// Its body: the event.
    pub body: String,
    /// Whether its signature was right.
    pub verified: bool,
    /// Whether it was answered with 2xx.
    pub taken: bool,
}

/// An escrow: its state in Redis, and the amounts its route tells.
#[derive(Clone, Debug, Default)]
pub struct EscrowEnd {
    /// The state in Redis.
    pub state: String,
    /// Its payment at Stripe.
    pub payment: String,
    /// Held, released, refunded, remaining.
    pub amounts: [i64; 4],
}

/// What Stripe did to a payment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    /// How often it was captured.
    pub captures: u32,
    /// How much in all.
    pub captured: i64,
    /// How much went back after a capture.
    pub refunded: i64,
    /// How often it was cancelled.
    pub cancels: u32,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What producers were told.
    pub accepted: Vec<Accepted>,
    /// Jobs in Redis.
    pub jobs: BTreeMap<String, JobEnd>,
    /// Jobs that wait for a day that is far away.
    pub waiting: BTreeSet<String>,
    /// All that Redis wrote.
    pub written: Vec<Written>,
    /// Keys that were written in a second Redis lost.
    pub lost_keys: BTreeSet<String>,
    /// How often Redis lost a second.
    pub lost_seconds: usize,
    /// Mails.
    pub mails: Vec<MailSeen>,
    /// Webhooks.
    pub hooks: Vec<HookSeen>,
    /// Marks of audit records, one a record.
    pub records: Vec<usize>,
    /// Jobs of audit records, one a record.
    pub record_jobs: Vec<String>,
    /// Escrows, by id.
    pub escrows: BTreeMap<String, EscrowEnd>,
    /// Payments at Stripe, by id.
    pub payments: BTreeMap<String, Moved>,
    /// Who was killed.
    pub kills: Vec<Kill>,
    /// From when on nothing went wrong any more and leases were ended early, in s since 1970.
    pub drained_from: i64,
}
