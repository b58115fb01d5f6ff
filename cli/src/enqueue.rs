//! `enqueue`: one job.

use std::io::Read;
use std::time::Duration;

use clap::Args;
use holdfast::domain::job::{Due, JobOptions, JobType, NewJob};
use holdfast::domain::limits::{MAX_MAX_ATTEMPTS, MAX_PAYLOAD_BYTES};
use holdfast::domain::millis::Millis;
use holdfast::queue::Enqueued;
use serde_json::json;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::once::{Once, not_enqueued};
use crate::session::Session;
use crate::{job_type, words};

#[derive(Debug, Args)]
pub(crate) struct Enqueue {
    /// Its type.
    #[arg(value_name = "TYPE", value_parser = job_type::parser())]
    job_type: JobType,
    /// Its payload as JSON; `@file` reads a file, `-` standard input.
    payload: String,
    #[command(flatten)]
    once: Once,
    /// Attempts it gets in all.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_MAX_ATTEMPTS)))]
    max_attempts: Option<u32>,
    /// How long it waits, such as 90s or 2h.
    #[arg(long, value_name = "LENGTH", value_parser = words::read_length, conflicts_with = "at")]
    delay: Option<Duration>,
    /// When it is due, such as 2026-11-24T06:30:00Z.
    #[arg(long, value_name = "TIME", value_parser = words::read_time)]
    at: Option<Millis>,
}

impl Enqueue {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let payload = read_payload(&self.payload)?;
        let due = self.delay.map(Due::After).or(self.at.map(Due::At)).unwrap_or(Due::Now);
        let key = self.once.key(session)?;
        let options =
            JobOptions { dedupe_key: Some(key.clone()), max_attempts: self.max_attempts, due, traceparent: None };
        let now = session.now();
        let job = NewJob::new(session.app.dice().job_id(now), self.job_type, payload, now, options)?;
        let enqueued = session.queue()?.enqueue(&[job]).await.map_err(|error| not_enqueued(error, &key))?.pop();
        let enqueued = enqueued.ok_or_else(|| Failure::Service("Redis gave no answer about the job".to_owned()))?;
        let duplicate = matches!(enqueued, Enqueued::Duplicate(_));
        session.answer(&json!({"jobId": enqueued.id(), "duplicate": duplicate}), || {
            let id = enqueued.id();
            if duplicate {
                format!("nothing was enqueued: {id} holds the dedupe key\n")
            } else {
                format!("enqueued {id}\n")
            }
        })
    }
}

/// Reads a payload: JSON as it stands, or out of a file or standard input.
pub(crate) fn read_payload(text: &str) -> Result<Box<RawValue>, Failure> {
    // One byte more than may be tells that there is more.
    let most = u64::try_from(MAX_PAYLOAD_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut read = String::new();
    if text == "-" {
        let stdin = std::io::stdin().lock().take(most).read_to_string(&mut read);
        stdin.map_err(|error| Failure::Usage(format!("standard input cannot be read: {error}")))?;
    } else if let Some(path) = text.strip_prefix('@') {
        let file = std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut read));
        file.map_err(|error| Failure::Usage(format!("{path} cannot be read: {error}")))?;
    } else {
        text.clone_into(&mut read);
    }
    if read.len() > MAX_PAYLOAD_BYTES {
        return Err(Failure::Usage(format!(
            "the payload is too large, expected at most {MAX_PAYLOAD_BYTES} bytes of JSON"
        )));
    }
    serde_json::from_str(&read).map_err(|error| {
        Failure::Usage(format!("the payload is not JSON: line {}, column {}", error.line(), error.column()))
    })
}
