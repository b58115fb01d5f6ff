//! The audit log: one record a job, each bound to the one before it, in the Redis stream `audit`.
//!
//! Promises that a job writes its record once however often it runs (within [`KEEP_JOB`]), that records of all processes form one
//! chain without forks, and that a record changed, removed or put in between is found by [`AuditLog::verify`]. Who may read
//! or write the stream is the database's part; somebody who rewrites the whole chain with its head is not found out. Where `SUPABASE_URL` is
//! set, each record is a row there too, with its place in the chain.

mod record;
pub(super) mod supabase;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::Mutex;

use crate::domain::id::JobId;
use crate::domain::outcome::{Failure, FailureKind};
use crate::edge::Clock;
use crate::upstash::keys::Keys;
use crate::upstash::{Patience, Reply, Script, ScriptCall, Upstash, UpstashError};
use crate::upstash_script;

use record::{GENESIS, hash};

pub use supabase::with_key;
pub use verify::{Break, Verified};

/// Appends one record.
static APPEND: Script = upstash_script!("append", "append.lua");

/// Reads some records in their order.
static PAGE: Script = upstash_script!("page", "page.lua");

/// The scripts of the log, for the test that compares each header with its call.
pub static SCRIPTS: [&Script; 2] = [&APPEND, &PAGE];

/// How long a job is known to have its record. Chosen: a dead letter lives seven days and may be brought back on the last; four
/// times that.
pub const KEEP_JOB: Duration = Duration::from_hours(30 * 24);

/// Times an append follows a head that moved. Chosen: each time another process has appended a record, so all together get on.
const MAX_TRIES: u32 = 8;

/// The audit log. Cheap to clone; clones share what they know of the chain's head.
#[derive(Clone, Debug)]
pub struct AuditLog {
    upstash: Upstash,
    keys: Keys,
    clock: Clock,
    /// Hash of the newest record this process knows of. Held while one is appended: in one process appends take turns, each in one call.
    head: Arc<Mutex<String>>,
}

/// A record as it stands in the stream, beside its job and event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id in the stream.
    pub stream_id: String,
    /// When it was written, in ms since the Unix epoch.
    pub time: String,
    /// The hash of the record before it.
    pub previous: String,
    /// Its own.
    pub hash: String,
}

/// What became of an append.
enum Appended {
    /// The record stands in the stream, by this call.
    Now(String),
    /// It was there before; nothing where it has been removed from the stream since.
    Before(Option<Recorded>),
    /// Another process was faster: this is the head now.
    HeadMoved(String),
}

impl AuditLog {
    /// Makes the log of one deployment.
    pub fn new(upstash: Upstash, keys: Keys, clock: Clock) -> Self {
        Self { upstash, keys, clock, head: Arc::new(Mutex::new(GENESIS.to_owned())) }
    }

    /// Appends the record of a job, once.
    ///
    /// Returns the record; nothing where an earlier run wrote it and it has been removed from the stream since.
    ///
    /// # Errors
    /// Only such as may pass: the job is tried again.
    pub async fn append(&self, job_id: &JobId, event: &RawValue) -> Result<Option<Recorded>, Failure> {
        let mut head = self.head.lock().await;
        for _ in 0..MAX_TRIES {
            let time = self.clock.now().to_string();
            let hash = hash(&head, &time, job_id.as_str(), event.get());
            let answer = self.try_append(&head, job_id, &time, event.get(), &hash).await;
            match answer.map_err(|error| error.failure("the audit log"))? {
                Appended::Now(stream_id) => {
                    let previous = std::mem::replace(&mut *head, hash.clone());
                    return Ok(Some(Recorded { stream_id, time, previous, hash }));
                }
                Appended::Before(record) => return Ok(record),
                Appended::HeadMoved(now) => *head = now,
            }
        }
        let message = format!("the audit log's head moved {MAX_TRIES} times while one record was appended");
        Err(Failure::new(FailureKind::Unavailable, message))
    }

    async fn try_append(
        &self,
        previous: &str,
        job_id: &JobId,
        time: &str,
        event: &str,
        hash: &str,
    ) -> Result<Appended, UpstashError> {
        let call = ScriptCall {
            script: &APPEND,
            keys: vec![self.keys.audit(), self.keys.audit_head(), self.keys.audit_job(job_id)],
            args: vec![
                previous.into(),
                time.into(),
                job_id.as_str().into(),
                event.into(),
                hash.into(),
                KEEP_JOB.as_millis().to_string().into(),
            ],
        };
        let reply = self.upstash.run(Patience::SETTLE, &call).await?;
        let mut parts = reply.array()?.into_iter();
        let mut text = || parts.next().unwrap_or(Reply::Null).text();
        match text()?.as_str() {
            "appended" => Ok(Appended::Now(text()?)),
            "recorded_before" => {
                let stream_id = text()?;
                let rest = text().and_then(|time| Ok((time, text()?, text()?)));
                let record = |(time, previous, hash)| Recorded { stream_id, time, previous, hash };
                Ok(Appended::Before(rest.ok().map(record)))
            }
            "head_moved" => Ok(Appended::HeadMoved(text()?)),
            _ => Err(UpstashError::Unknown("append answered with a word it does not have".into())),
        }
    }
}
