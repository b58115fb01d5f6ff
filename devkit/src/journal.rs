//! The calls a stand-in met, in order, with what they were answered.

use http::{HeaderMap, Method};
use serde::Serialize;

use crate::clock;
use crate::fault::Fault;
use crate::shared::Shared;

/// One call.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// When it came, in milliseconds since 1970.
    pub at_ms: i64,
    /// `GET`, `POST` ...
    pub method: String,
    /// Without the path the stand-in is mounted under.
    pub path: String,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// The id the answer carried, where the service gives one.
    pub request_id: Option<String>,
    /// The fault it met.
    pub fault: Option<Fault>,
    /// The status answered; `None` while it runs, and for good when the caller got no answer.
    pub status: Option<u16>,
    /// Whether the answer was that of an earlier call under the same key.
    pub replayed: bool,
}

impl CallRecord {
    /// The record of a call that has only arrived.
    pub(crate) fn arrived(method: &Method, path: &str, headers: &HeaderMap, fault: Option<Fault>) -> Self {
        Self {
            at_ms: clock::now_ms(),
            method: method.to_string(),
            path: path.to_owned(),
            idempotency_key: header(headers, "idempotency-key"),
            request_id: None,
            fault,
            status: None,
            replayed: false,
        }
    }
}

/// Every call so far, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Shared<Vec<CallRecord>>);

impl Journal {
    /// Writes a call down and says where, for [`amend`](Self::amend).
    pub(crate) fn enter(&self, record: CallRecord) -> usize {
        let mut records = self.0.lock();
        records.push(record);
        records.len() - 1
    }

    pub(crate) fn amend(&self, index: usize, change: impl FnOnce(&mut CallRecord)) {
        if let Some(record) = self.0.lock().get_mut(index) {
            change(record);
        }
    }

    pub(crate) fn calls(&self) -> Vec<CallRecord> {
        self.0.lock().clone()
    }
}

/// A header's text, where it is there and is text.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
