//! Chaos: many processes work off many jobs while everything they stand on fails, and a checker of its own says whether anything was lost.
//!
//! Redis is a process that is killed and started again with its append-only file. Each call of the cron is a process that may be killed or
//! frozen; so is the server of the routes. Before Redis stands the REST server with its faults; Stripe, the mail provider and the partner's
//! server are the devkit's stand-ins and write down what they saw. What goes wrong, and when, follows from one number.
//!
//! The checker reads the stand-ins' logs, Redis' append-only file and the documents in Redis. It uses nothing of the library's.

mod aging;
pub mod aof;
mod caller;
mod child;
mod drain;
mod escrows;
pub mod evidence;
mod fate;
mod gather;
mod invocations;
mod jobs;
pub mod leases;
mod nature;
mod options;
pub mod page;
mod run;
mod soak;
mod soak_page;
pub mod verdict;
mod world;

pub use fate::{Event, Fate, Plan};
pub use options::Options;

use std::error::Error;
use std::process::ExitCode;

/// Does what the options ask for, and says how it ended.
///
/// # Errors
/// When something this stands on could not be started or read.
pub async fn main(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(child) = &options.child {
        child::run(child).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.soak { soak::run(&options).await } else { run::run(&options).await }
}
