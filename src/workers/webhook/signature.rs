//! The signature of a webhook: Standard Webhooks 1.0.0, symmetric.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::signing_secret::SigningSecrets;

/// Writes the header `webhook-signature`: for each secret `v1,` and base64 of the HMAC-SHA256 of `id.seconds.body`.
pub(super) fn sign(secrets: &SigningSecrets, id: &str, seconds: i64, body: &str) -> String {
    let signatures: Vec<String> = secrets.expose().iter().map(|key| by(key, id, seconds, body)).collect();
    signatures.join(" ")
}

fn by(key: &[u8], id: &str, seconds: i64, body: &str) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use standardwebhooks::Webhook;

    use super::*;
    use crate::edge::Clock;

    const OLD: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    const NEW: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=";

    fn headers(secrets: &str, seconds: i64, body: &str) -> HeaderMap {
        let secrets = SigningSecrets::parse(secrets).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "job-1".parse().unwrap());
        headers.insert("webhook-timestamp", seconds.to_string().parse().unwrap());
        let signature = sign(&secrets, "job-1", seconds, body);
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    #[test]
    fn the_standards_own_example_has_the_standards_own_signature() {
        let secrets = SigningSecrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            sign(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn the_standards_verifier_accepts_what_is_sent_and_nothing_else() {
        let now = Clock::Real.now().0 / 1_000;
        let verifier = Webhook::new(OLD).unwrap();
        assert!(verifier.verify(b"{}", &headers(OLD, now, "{}")).is_ok());
        assert!(verifier.verify(b"{ }", &headers(OLD, now, "{}")).is_err(), "another body");
        assert!(verifier.verify(b"{}", &headers(NEW, now, "{}")).is_err(), "another secret");
        assert!(verifier.verify(b"{}", &headers(OLD, now - 301, "{}")).is_err(), "too old");
    }

    #[test]
    fn while_a_secret_is_replaced_either_one_verifies() {
        let now = Clock::Real.now().0 / 1_000;
        let both = headers(&format!("{NEW} {OLD}"), now, "{}");
        for secret in [OLD, NEW] {
            assert!(Webhook::new(secret).unwrap().verify(b"{}", &both).is_ok(), "{secret}");
        }
    }
}
