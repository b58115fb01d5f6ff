//! The header `Stripe-Signature` and a body. `MAC` in the header stands for the digits that Stripe would have there: only with them is it let in.
#![no_main]

use std::sync::LazyLock;

use fuzz::deployment::{Call, Deployment, SECONDS, STRIPE_SECRET};
use fuzz::{parts, signed};
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let [header, body] = parts(input);
    let mac = signed::hmac(STRIPE_SECRET.as_bytes(), &[SECONDS.to_string().as_bytes(), b".", body.as_bytes()]);
    let filled = header.replace("MAC", &signed::hex(&mac));
    let answer = DEPLOYMENT
        .usual(&Call::post("/api/webhooks/stripe", body.as_bytes()).with("stripe-signature", &filled))
        .unwrap();
    if answer.code() == "invalid_signature" {
        assert_eq!(answer.status, 400);
        assert!(answer.asked.is_empty(), "{answer:?}");
        assert_ne!(header, format!("t={SECONDS},v1=MAC"));
        return;
    }
    assert!(header.contains("MAC") && header.contains(&format!("t={SECONDS}")), "let in by {filled:?}");
    answer.is_one_of(&[(200, ""), (400, "invalid_json"), (503, "stripe_unavailable")]);
});
