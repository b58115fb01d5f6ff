//! What the bench can ask for.

use serde::Deserialize;
use serde_json::Value;

/// A line that was read.
#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Wish {
    /// A queue of a new name, on the server at `port`.
    Open { name: String, port: u16 },
    /// Adds jobs in bulks, so many bulks on their way at once; answers the seconds it took.
    Add { jobs: u64, bulk: u64, in_flight: u64, data: Value },
    /// Starts to work and goes on.
    Start {},
    /// The same, looking for jobs as it does by default.
    StartIdle {},
    /// Waits until so many jobs have been done since `open`; answers the seconds since `start`.
    Wait { jobs: u64 },
    /// Answers how many jobs were done.
    Done {},
    /// Adds a job every `every_ms` beside a worker; answers the milliseconds each took until it was done.
    Pace { jobs: u64, every_ms: u64, data: Value },
    /// Looks once for work, as a cron has it.
    Tick {},
    /// Leaves the queue.
    Close {},
}
