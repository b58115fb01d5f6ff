//! Faults on request: what a network and a busy service do, when a test or a person asks for it.
//!
//! Every request but those to `/__faults` is counted and may meet one fault. Where several are due at once,
//! the most particular one is met: a numbered call, then a queued fault, then every n-th, then all.

pub(super) mod admin;
mod plan;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use plan::{Plan, When};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request waits this long and then goes its way.
    Latency(Duration),
    /// The connection is closed before Redis sees anything.
    Refused,
    /// The commands run, and the connection is closed without an answer.
    ReplyLost,
    /// The commands run, and the connection is closed half-way through the answer's body.
    ReplyCut,
    /// Nothing runs, and this status is answered: JSON below 500, a gateway's HTML page from there on.
    Status(u16),
    /// The commands run, and this status is answered all the same.
    StatusAfter(u16),
    /// Nothing runs, and no answer ever comes.
    Stall,
    /// The commands run, and no answer ever comes.
    StallAfter,
}

/// The faults that are to come, and how many came.
#[derive(Debug, Default)]
pub struct Faults {
    armed: AtomicBool,
    seen: AtomicU64,
    fired: AtomicU64,
    plan: Mutex<Plan>,
}

impl Faults {
    /// The next request that meets no other queued fault meets this one: first in, first out.
    pub fn next(&self, fault: Fault) {
        self.add(When::Next { containing: None }, fault);
    }

    /// The next request whose body, or path, contains `text` meets this one.
    pub fn next_matching(&self, text: &str, fault: Fault) {
        self.add(When::Next { containing: Some(text.to_owned()) }, fault);
    }

    /// The n-th request from now meets this one; 1 is the next.
    pub fn at(&self, n: u64, fault: Fault) {
        self.add(When::At { left: n }, fault);
    }

    /// The n-th request from now meets this one, and each after it is refused: what a caller that dies there
    /// leaves behind. With [`Faults::seen`] a scenario can be run once for each of its calls.
    pub fn crash_at(&self, n: u64, fault: Fault) {
        self.add(When::CrashAt { left: n }, fault);
    }

    /// Every n-th request from now meets this one.
    pub fn every(&self, n: u64, fault: Fault) {
        self.add(When::Every { n: n.max(1), count: 0 }, fault);
    }

    /// Every request meets this one.
    pub fn always(&self, fault: Fault) {
        self.add(When::Always, fault);
    }

    /// No fault is to come any more. The counts stay.
    pub fn clear(&self) {
        let mut plan = self.plan();
        plan.clear();
        self.armed.store(false, Ordering::Release);
    }

    /// How many requests were seen since the start.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// How many of them met a fault.
    pub fn fired(&self) -> u64 {
        self.fired.load(Ordering::Relaxed)
    }

    /// Counts a request and says which fault it meets.
    pub(super) fn strike(&self, path: &str, body: &[u8]) -> Option<Fault> {
        self.seen.fetch_add(1, Ordering::Relaxed);
        if !self.armed.load(Ordering::Acquire) {
            return None;
        }
        let mut plan = self.plan();
        let fault = plan.strike(path, body)?;
        self.fired.fetch_add(1, Ordering::Relaxed);
        if plan.is_empty() {
            self.armed.store(false, Ordering::Release);
        }
        tracing::debug!(path, "a request meets {fault:?}");
        Some(fault)
    }

    fn add(&self, when: When, fault: Fault) {
        let mut plan = self.plan();
        plan.add(when, fault);
        self.armed.store(true, Ordering::Release);
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
