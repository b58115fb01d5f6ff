//! The bodies of what operators and admins ask for. The first character is the route.
#![no_main]

use std::sync::LazyLock;

use fuzz::choice;
use fuzz::deployment::{Call, Deployment, TOKEN};
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

const PATHS: [&str; 4] = ["/api/jobs/control", "/api/jobs/dead-letter", "/api/jobs/process", "/api/partners/shop"];

fuzz_target!(|input: &[u8]| {
    let (first, body) = input.split_at(input.len().min(1));
    let path = PATHS[choice(&String::from_utf8_lossy(first)).0 % PATHS.len()];
    let answer = DEPLOYMENT.usual(&Call::post(path, body).by(TOKEN)).unwrap();
    // What this Redis has no answer for is not known to be done.
    assert!(matches!(answer.status, 200 | 201 | 202 | 400 | 404 | 409 | 413 | 422 | 503), "{answer:?}");
    // Every call to a partner's endpoints begins with one: it says who calls.
    let begins = usize::from(path == "/api/partners/shop");
    assert!(
        answer.status != 422 || answer.asked.len() <= 2 * begins,
        "refused, and yet something was done: {answer:?}"
    );
});
