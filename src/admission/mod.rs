//! Admission: who calls with an API key, whether too often, and whether the same request came before.
//!
//! All of it is read in one call, together with the escrow the request is about. What the caller may do with that is left to others.

mod admit;
mod api_key;
mod keys;
mod request_key;

pub use admit::{Admission, Admitted, Asking, CALLS_PER_WINDOW, Earlier, Refused, WINDOW, Window};
pub use api_key::{ApiKey, KeyKind};
pub use keys::{ApiKeyError, ApiKeyInfo, ApiKeys, Grant, MAX_API_KEYS, MAX_CALLS_PER_WINDOW};
pub use request_key::{ParseRequestKeyError, RequestKey, fingerprint};

/// The scripts of admission, for the test that compares each header with its call.
pub static SCRIPTS: [&crate::upstash::Script; 4] = [&admit::ADMIT, &keys::CREATE, &keys::LIST, &keys::REVOKE];
