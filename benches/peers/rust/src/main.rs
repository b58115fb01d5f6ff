//! Drives a queue of others: `peers apalis` or `peers sidekiq`.

mod apalis_side;
mod sidekiq_side;

use std::env;

use apalis_side::Apalis;
use bench_driver::{Outcome, serve};
use sidekiq_side::Sidekiq;
use tokio::runtime::Runtime;

/// Jobs that a worker has under way at once, as for BullMQ.
pub(crate) const CONCURRENCY: usize = 50;

fn main() -> Outcome<()> {
    // What `#[tokio::main]` makes, which both show.
    let runtime = Runtime::new()?;
    match env::args().nth(1).as_deref() {
        Some("apalis") => serve::<Apalis>(&runtime),
        Some("sidekiq") => serve::<Sidekiq>(&runtime),
        _ => Err("expected `apalis` or `sidekiq`".into()),
    }
}
