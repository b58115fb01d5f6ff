//! A query. The first character is the page that is asked for.
#![no_main]

use std::sync::LazyLock;

use fuzz::choice;
use fuzz::deployment::{Call, Deployment, TOKEN};
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

const PATHS: [&str; 4] = ["/api/jobs/dead-letter", "/api/jobs/control", "/api/partners/shop", "/api/dashboard"];

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (place, query) = choice(input);
    // What follows is no part of a query, and no client sends it.
    let query = query.split('#').next().unwrap_or_default();
    let path = PATHS[place % PATHS.len()];
    let Some(answer) = DEPLOYMENT.usual(&Call::get(path, query).by(TOKEN)) else { return };
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let twice = pairs.iter().enumerate().any(|(at, (name, _))| pairs[..at].iter().any(|(known, _)| known == name));
    // What stands twice is never guessed at.
    let shows_something = answer.status == 200 && path != "/api/dashboard";
    assert!(!twice || !shows_something, "{query}: {answer:?}");
    if path == "/api/dashboard" && answer.status != 200 {
        answer.is_one_of(&[(401, "no_session"), (404, "unknown_asset")]);
    }
});
