//! What is enqueued once, however often the command is repeated: under the dedupe key that was given, or one of this run's own.

use clap::Args;
use holdfast::domain::id::DedupeKey;
use holdfast::queue::EnqueueError;
use holdfast::upstash::UpstashError;

use crate::failure::Failure;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct Once {
    /// A second job of the type with this key is a duplicate of the first, for an hour. Without one the run makes one up, and names it
    /// where it cannot tell whether the job was enqueued.
    #[arg(long, value_name = "KEY")]
    dedupe_key: Option<DedupeKey>,
}

impl Once {
    /// Returns the key of this run.
    pub(crate) fn key(self, session: &Session) -> Result<DedupeKey, Failure> {
        let own = || DedupeKey::parse(session.request_id()).map_err(|error| Failure::Usage(error.to_string()));
        self.dedupe_key.map_or_else(own, Ok)
    }
}

/// Says how a job that may be enqueued already is enqueued once all the same.
pub(crate) fn not_enqueued(error: EnqueueError, key: &DedupeKey) -> Failure {
    match error {
        EnqueueError::Upstash(UpstashError::Unknown(_)) => Failure::Service(format!(
            "{error}; it may be enqueued all the same: the same command with --dedupe-key {key} enqueues it once"
        )),
        error => error.into(),
    }
}
