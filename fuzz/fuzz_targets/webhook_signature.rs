//! The three headers of Standard Webhooks and a body, as mail events come. `MAC` stands for the right base64.
#![no_main]

use std::sync::LazyLock;

use fuzz::deployment::{NOW, RESEND_SECRET, SECONDS};
use fuzz::{parts, signed};
use holdfast::domain::signing_secret::SigningSecrets;
use holdfast::domain::webhook_signature::{SignatureError, sign, verify};
use libfuzzer_sys::fuzz_target;

static SECRETS: LazyLock<SigningSecrets> = LazyLock::new(|| SigningSecrets::parse(RESEND_SECRET).unwrap());

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let [id, seconds, signatures, body] = parts(input);
    let right = signed::standard(RESEND_SECRET, id, seconds, body.as_bytes());
    let filled = signatures.replace("MAC", &right);
    match verify(&SECRETS, (id, seconds, &filled), body.as_bytes(), NOW) {
        Ok(()) => {
            assert!(signatures.contains("v1,MAC"), "let in by {filled:?}");
            assert!((seconds.parse::<i64>().unwrap() - SECONDS).abs() <= 300, "let in at {seconds}");
        }
        Err(SignatureError::Malformed) => {
            assert!(!signatures.contains(" v1,MAC ") || id.is_empty() || seconds.parse::<i64>().is_err())
        }
        Err(SignatureError::Mismatch) => assert_ne!(signatures, "v1,MAC"),
        Err(SignatureError::Time) => assert!(signatures.contains("v1,MAC")),
    }
    let ours = sign(&SECRETS, "msg_1", SECONDS, body);
    assert_eq!(verify(&SECRETS, ("msg_1", &SECONDS.to_string(), &ours), body.as_bytes(), NOW), Ok(()));
    // What is set by an operator, or by a partner for an endpoint.
    if let Ok(secrets) = SigningSecrets::parse(input) {
        let ours = sign(&secrets, "msg_1", SECONDS, body);
        assert_eq!(verify(&secrets, ("msg_1", &SECONDS.to_string(), &ours), body.as_bytes(), NOW), Ok(()));
    }
});
