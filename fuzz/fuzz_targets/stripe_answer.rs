//! What Stripe answers while money is moved. The first character is the operation, the second the status, the rest the body.
#![no_main]

use std::sync::LazyLock;

use fuzz::deployment::{Call, Deployment, NOW};
use fuzz::stand_in::Said;
use fuzz::{choice, escrow, redis};
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

const STATUSES: [u16; 8] = [200, 400, 401, 402, 404, 409, 429, 500];

const OPERATIONS: [(&str, &str); 4] = [
    ("/api/escrow/release", r#"{"escrowId":"esc_1"}"#),
    ("/api/escrow/release", r#"{"escrowId":"esc_1","amount":4000}"#),
    ("/api/escrow/refund", r#"{"escrowId":"esc_1"}"#),
    (
        "/api/escrow/create",
        r#"{"amount":10000,"currency":"usd","buyerEmail":"b@example.com","sellerEmail":"s@example.com","paymentMethod":"pm_card_visa"}"#,
    ),
];

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (operation, input) = choice(input);
    let (status, body) = choice(input);
    let (path, asked_for) = OPERATIONS[operation % OPERATIONS.len()];
    let said = Said::new(STATUSES[status % STATUSES.len()], body);
    let call = Call::post(path, asked_for.as_bytes()).by("hf_test_ops").with("idempotency-key", "k-1");
    let answer = DEPLOYMENT.send(&call, move |asked| match redis::is_asked(asked) {
        true => redis::says(asked, |command| redis::usual(command, NOW.0)),
        false => said.clone(),
    });
    let answer = answer.unwrap();
    answer.is_one_of(&[
        (200, ""),
        (201, ""),
        (202, ""),
        (402, "payment_declined"),
        (422, "payment_refused"),
        (502, "payment_provider_refused_us"),
    ]);
    escrow::written_are_sound(&answer);
});
