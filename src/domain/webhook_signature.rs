//! The signature of a webhook, made and checked: Standard Webhooks 1.0.0, symmetric.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::hex::hex;
use super::millis::Millis;
use super::signing_secret::SigningSecrets;

/// How old a signature may be, and how far in the future. Standard Webhooks' libraries take five minutes.
const TOLERANCE: Duration = Duration::from_mins(5);

/// A signature that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing, or not of its form.
    #[error("the headers of the signature are not an id, a time in seconds and v1, with base64")]
    Malformed,
    /// It is somebody else's, or of another body.
    #[error("the signature is not that of this body")]
    Mismatch,
    /// The time is too far from now.
    #[error("the signature is more than five minutes old, or from the future")]
    Time,
}

/// Writes the header `webhook-signature`: for each secret `v1,` and base64 of the HMAC-SHA256 of `id.seconds.body`.
pub fn sign(secrets: &SigningSecrets, id: &str, seconds: i64, body: &str) -> String {
    let by = |key: &Vec<u8>| {
        let signature = hmac(key, id, &seconds.to_string(), body.as_bytes()).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(signature))
    };
    secrets.expose().iter().map(by).collect::<Vec<_>>().join(" ")
}

/// Writes the older form that many receivers know, Stripe's: `t=<seconds>,v1=<hex>`, for each secret a `v1` of the HMAC-SHA256 of
/// `seconds.body` under the secret's bytes.
pub fn sign_legacy(secrets: &SigningSecrets, seconds: i64, body: &str) -> String {
    let by = |key: &Vec<u8>| {
        let mut mac = keyed(key);
        for part in [seconds.to_string().as_bytes(), b".", body.as_bytes()] {
            mac.update(part);
        }
        format!(",v1={}", hex(mac.finalize().into_bytes()))
    };
    format!("t={seconds}{}", secrets.expose().iter().map(by).collect::<String>())
}

/// Verifies that the bytes of `body` were signed with one of the secrets, at about `now`. The three texts are the headers' values.
pub fn verify(
    secrets: &SigningSecrets,
    (id, seconds, signatures): (&str, &str, &str),
    body: &[u8],
    now: Millis,
) -> Result<(), SignatureError> {
    let at: i64 = seconds.parse().map_err(|_| SignatureError::Malformed)?;
    let signatures =
        signatures.split_ascii_whitespace().filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    let mut signatures = signatures.peekable();
    if id.is_empty() || signatures.peek().is_none() {
        return Err(SignatureError::Malformed);
    }
    let holds = |signature: &Vec<u8>| {
        // In constant time.
        secrets.expose().iter().any(|key| hmac(key, id, seconds, body).verify_slice(signature).is_ok())
    };
    if !signatures.any(|signature| holds(&signature)) {
        return Err(SignatureError::Mismatch);
    }
    let at = Millis(at.saturating_mul(1_000));
    if now.since(at) > TOLERANCE || at.since(now) > TOLERANCE {
        return Err(SignatureError::Time);
    }
    Ok(())
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length")
}

fn hmac(key: &[u8], id: &str, seconds: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(key);
    for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use standardwebhooks::Webhook;

    use super::*;

    const OLD: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    const NEW: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=";

    #[test]
    fn the_older_form_is_stripes_with_one_v1_a_secret() {
        // printf '7.{}' | openssl dgst -sha256 -hmac 012345678901234567890123
        let signed = sign_legacy(&secrets(&format!("{OLD} {NEW}")), 7, "{}");
        let parts: Vec<&str> = signed.split(',').collect();
        assert_eq!((parts.len(), parts[0]), (3, "t=7"));
        assert_eq!(parts[1], "v1=03fc3e78a9555c88a5bfdb2655f4f49fd9f44cb9189fa64eb0d4f0a7ac60275d");
        assert!(parts[2].starts_with("v1=") && parts[2] != parts[1]);
    }

    fn secrets(text: &str) -> SigningSecrets {
        SigningSecrets::parse(text).unwrap()
    }

    fn headers(text: &str, seconds: i64, body: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "job-1".parse().unwrap());
        headers.insert("webhook-timestamp", seconds.to_string().parse().unwrap());
        headers.insert("webhook-signature", sign(&secrets(text), "job-1", seconds, body).parse().unwrap());
        headers
    }

    #[expect(clippy::disallowed_methods, reason = "the standard's verifier looks at the machine's clock")]
    fn real_seconds() -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap()
    }

    #[test]
    fn the_standards_own_example_has_the_standards_own_signature() {
        assert_eq!(
            sign(
                &secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn the_standards_verifier_accepts_what_is_sent_and_nothing_else() {
        let now = real_seconds();
        let verifier = Webhook::new(OLD).unwrap();
        assert!(verifier.verify(b"{}", &headers(OLD, now, "{}")).is_ok());
        assert!(verifier.verify(b"{ }", &headers(OLD, now, "{}")).is_err(), "another body");
        assert!(verifier.verify(b"{}", &headers(NEW, now, "{}")).is_err(), "another secret");
        assert!(verifier.verify(b"{}", &headers(OLD, now - 301, "{}")).is_err(), "too old");
    }

    #[test]
    fn while_a_secret_is_replaced_either_one_verifies() {
        let now = real_seconds();
        let both = headers(&format!("{NEW} {OLD}"), now, "{}");
        for secret in [OLD, NEW] {
            assert!(Webhook::new(secret).unwrap().verify(b"{}", &both).is_ok(), "{secret}");
        }
    }

    #[test]
    fn what_the_standards_signer_made_is_accepted_and_nothing_else() {
        let made = Webhook::new(OLD).unwrap().sign("msg_1", 1_700_000_000, b"{}").unwrap();
        let check = |known: &str, id: &str, seconds: &str, signatures: &str, body: &[u8], now: i64| {
            verify(&secrets(known), (id, seconds, signatures), body, Millis(now * 1_000))
        };
        let at = "1700000000";
        assert_eq!(check(OLD, "msg_1", at, &made, b"{}", 1_700_000_299), Ok(()));
        assert_eq!(
            check(&format!("{NEW} {OLD}"), "msg_1", at, &format!("v1,AA== {made}"), b"{}", 1_700_000_000),
            Ok(())
        );
        assert_eq!(check(OLD, "msg_1", at, &made, b"{ }", 1_700_000_000), Err(SignatureError::Mismatch));
        assert_eq!(check(OLD, "msg_2", at, &made, b"{}", 1_700_000_000), Err(SignatureError::Mismatch));
        assert_eq!(check(NEW, "msg_1", at, &made, b"{}", 1_700_000_000), Err(SignatureError::Mismatch));
        assert_eq!(check(OLD, "msg_1", "1700000001", &made, b"{}", 1_700_000_000), Err(SignatureError::Mismatch));
        assert_eq!(check(OLD, "msg_1", at, &made, b"{}", 1_700_000_301), Err(SignatureError::Time));
        assert_eq!(check(OLD, "msg_1", at, &made, b"{}", 1_699_999_699), Err(SignatureError::Time));
        for (id, seconds, signatures) in [
            ("", at, made.as_str()),
            ("msg_1", "", &made),
            ("msg_1", "1e9", &made),
            ("msg_1", at, ""),
            ("msg_1", at, "v1,!"),
        ] {
            assert_eq!(check(OLD, id, seconds, signatures, b"{}", 1_700_000_000), Err(SignatureError::Malformed));
        }
    }
}
