//! A queue written in Rust as a process that the bench drives: it reads a line of JSON, does it, and answers with a line.
//!
//! `bullmq/driver.mjs` and `arq/driver.py` speak the same lines.
#![expect(clippy::float_arithmetic, reason = "these are measurements, not money")]

mod done;
mod serve;
mod wish;

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

pub use done::Done;
pub use serve::serve;

/// What a step gives, or why the process ends.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How a worker looks for jobs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    /// As soon as it can: what is measured is what it does, not how long it rests.
    AtOnce,
    /// So that a job does not wait long, where its defaults let it wait.
    Usual,
    /// As it does by default.
    Idle,
    /// Once, as a cron has it.
    Once,
}

/// A queue on a server: what the bench can have it do.
pub trait Peer: Clone + Send + Sync + 'static {
    /// Connects to the server at `port` of this machine; `name` is new to it.
    fn open(name: &str, port: u16) -> impl Future<Output = Outcome<Self>>;

    /// Adds jobs numbered from `first`, as many as there are `count`, in one call where the queue has one for many.
    fn add(&self, first: u64, count: u64, data: &str) -> impl Future<Output = Outcome<()>> + Send;

    /// Works until it is dropped, or until it has looked once; tells of each job it is done with.
    fn work(&self, done: Arc<Done>, look: Look) -> impl Future<Output = Outcome<()>> + Send;
}
