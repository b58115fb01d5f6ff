//! The signatures of the other side, made here without the library's code.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA-256 of the parts, one after the other.
#[must_use]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Writes bytes in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header of an event of Stripe's.
#[must_use]
pub fn stripe(secret: &str, seconds: i64, body: &[u8]) -> String {
    let mac = hmac(secret.as_bytes(), &[seconds.to_string().as_bytes(), b".", body]);
    format!("t={seconds},v1={}", hex(&mac))
}

/// The header of a webhook of the standard's, without its version.
#[must_use]
pub fn standard(secret: &str, id: &str, seconds: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    STANDARD.encode(hmac(&key, &[id.as_bytes(), b".", seconds.as_bytes(), b".", body]))
}
