//! The bodies of the operations on an escrow. The first character is the operation.
#![no_main]

use std::sync::LazyLock;

use fuzz::deployment::{Call, Deployment};
use fuzz::{choice, escrow};
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

const PATHS: [&str; 6] = [
    "/api/escrow/create",
    "/api/escrow/release",
    "/api/escrow/refund",
    "/api/escrow/dispute",
    "/api/escrow/resolve",
    "/api/escrow/cancel",
];

fuzz_target!(|input: &[u8]| {
    let (first, body) = input.split_at(input.len().min(1));
    let path = PATHS[choice(&String::from_utf8_lossy(first)).0 % PATHS.len()];
    let call = Call::post(path, body).by("hf_test_ops").with("idempotency-key", "k-1");
    let answer = DEPLOYMENT.usual(&call).unwrap();
    assert!(matches!(answer.status, 200 | 202 | 400 | 409 | 413 | 422), "{answer:?}");
    escrow::written_are_sound(&answer);
    let written = answer.asked.len() > 1;
    assert!(!written || answer.status < 300, "something was done, and the answer says it was refused: {answer:?}");
});
