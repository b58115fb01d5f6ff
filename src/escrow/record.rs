//! The record of a request: what it was, and what it was answered, so that a repeat is answered the same.

use std::fmt;
use std::time::Duration;

use super::{Escrows, odd};
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static ANSWER: Script = upstash_script!("answer", "answer.lua");

/// How long a record is kept. Stripe keeps its own for 24 hours, and the IETF's draft names no number.
pub(super) const KEEP_RECORD: Duration = Duration::from_hours(24);

/// A request that may come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// The key of its record in Redis.
    pub key: String,
    /// Its name in an escrow's history: a digest of caller and idempotency key.
    pub name: String,
    /// A digest of method, path and body.
    pub fingerprint: String,
}

/// What a request was answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: String,
}

/// Names the status; never the body, which holds addresses and the payment's secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Escrows {
    /// Writes the answer into a request's record; without one it is left open, so that the next identical request goes on from here.
    pub(super) async fn answer(&self, record: &RequestRecord, answer: Option<&Answer>) -> Result<(), UpstashError> {
        let (status, body) = answer.map_or((String::new(), ""), |answer| (answer.status.to_string(), &*answer.body));
        let keys = vec![record.key.clone()];
        let args = vec![status.into(), body.into(), KEEP_RECORD.as_millis().to_string().into()];
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &ANSWER, keys, args }).await?;
        match reply.text()?.as_str() {
            "done" | "answered_before" | "unknown_record" => Ok(()),
            other => Err(odd(format!("answer answered {other:?}"))),
        }
    }
}
