//! Events: what Stripe tells of each change, and how it signs what it tells.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::store::Cause;
use crate::postman::{Message, Sign};
use crate::{clock, id};

/// The version of the API these objects follow; a caller's `Stripe-Version` is echoed, not obeyed.
pub const API_VERSION: &str = "2025-03-31.basil";

/// The event as it is kept and posted, with its id.
pub(super) fn document(kind: &str, object: &Value, cause: &Cause) -> (String, Value) {
    let id = id::token("evt_3", 23);
    let event = json!({
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": clock::now_secs(),
        "data": { "object": object },
        "livemode": false,
        "pending_webhooks": 1,
        "request": { "id": cause.request_id, "idempotency_key": cause.idempotency_key },
        "type": kind,
    });
    (id, event)
}

pub(super) fn message(id: &str, kind: &str, event: &Value) -> Message {
    Message { id: id.to_owned(), kind: kind.to_owned(), body: Bytes::from(event.to_string()) }
}

/// Signs with `Stripe-Signature`.
pub(super) fn signer(secret: String) -> Sign {
    Arc::new(move |message, now_secs| vec![("stripe-signature", signature(&secret, now_secs, &message.body))])
}

/// `t=<seconds>,v1=<hex of the HMAC-SHA256 of "seconds.body">`.
pub(super) fn signature(secret: &str, at_secs: i64, body: &[u8]) -> String {
    let mut header = format!("t={at_secs},v1=");
    // A key of any length will do for HMAC.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(at_secs.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        for byte in mac.finalize().into_bytes() {
            // Writing to a string cannot fail.
            let _written = write!(header, "{byte:02x}");
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_the_time_and_the_body() {
        let header = signature("whsec_test", 1_700_000_000, b"{}");

        assert!(header.starts_with("t=1700000000,v1="), "{header}");
        assert_ne!(header, signature("whsec_test", 1_700_000_000, b"{ }"));
        assert_ne!(header[13..], signature("whsec_test", 1_700_000_001, b"{}")[13..]);
    }
}
