//! The signature of Stripe's events: `t=<seconds>,v1=<hex HMAC-SHA256 of "seconds.body">`, several `v1` while a secret is rolled.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Secret;
use crate::domain::millis::Millis;

/// How old an event's signature may be, and how far in the future. Stripe's libraries take five minutes.
const TOLERANCE: Duration = Duration::from_mins(5);

/// A signature that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    /// No readable header.
    #[error("the header Stripe-Signature is not of the form t=...,v1=...")]
    Malformed,
    /// The time is too far from now.
    #[error("the signature is more than five minutes old, or from the future")]
    Time,
    /// It is somebody else's, or of another body.
    #[error("the signature is not that of this body")]
    Mismatch,
}

/// Verifies that the bytes of `body` were signed with `secret`, at about `now`.
pub(crate) fn verify(secret: &Secret, header: &str, body: &[u8], now: Millis) -> Result<(), SignatureError> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(SignatureError::Malformed)?;
    let seconds: i64 = time.parse().map_err(|_| SignatureError::Malformed)?;
    let mut signatures = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| bytes(value)).peekable();
    signatures.peek().ok_or(SignatureError::Malformed)?;
    let matches = |signature: Vec<u8>| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
            return false;
        };
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        // In constant time.
        mac.verify_slice(&signature).is_ok()
    };
    if !signatures.any(matches) {
        return Err(SignatureError::Mismatch);
    }
    let at = Millis(seconds.saturating_mul(1_000));
    if now.since(at) > TOLERANCE || at.since(now) > TOLERANCE {
        return Err(SignatureError::Time);
    }
    Ok(())
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    Some(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    /// Of "1700000000." and the body with the secret `whsec_test`, by OpenSSL.
    const V1: &str = "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925";

    fn check(header: &str, body: &[u8], now: i64) -> Result<(), SignatureError> {
        verify(&Secret::new("whsec_test"), header, body, Millis(now * 1_000))
    }

    #[test]
    fn one_signature_of_several_is_enough() {
        let other = "0".repeat(64);
        assert_eq!(check(&format!("t=1700000000,v1={V1}"), BODY, 1_700_000_000), Ok(()));
        assert_eq!(check(&format!("t=1700000000,v1={other},v1={V1},v0=x"), BODY, 1_700_000_299), Ok(()));
    }

    #[test]
    fn an_altered_body_an_old_time_and_another_form_are_refused() {
        let header = format!("t=1700000000,v1={V1}");
        assert_eq!(check(&header, b"{}", 1_700_000_000), Err(SignatureError::Mismatch));
        assert_eq!(check(&header, BODY, 1_700_000_301), Err(SignatureError::Time));
        assert_eq!(check(&header, BODY, 1_699_999_600), Err(SignatureError::Time));
        assert_eq!(check(&header.replace("t=17", "t=18"), BODY, 1_800_000_000), Err(SignatureError::Mismatch));
        for bad in ["", "t=1700000000", &format!("v1={V1}"), "t=x,v1=y", "t=1700000000,v1=zz"] {
            assert_eq!(check(bad, BODY, 1_700_000_000), Err(SignatureError::Malformed), "{bad}");
        }
    }
}
