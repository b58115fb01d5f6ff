//! Headers of a request, a line each: the trace context, the request's id, and the token that lets in.
#![no_main]

use std::sync::LazyLock;

use fuzz::deployment::{Call, Deployment, TOKEN};
use fuzz::redis;
use holdfast::domain::id::JobId;
use holdfast::domain::job::JobDocument;
use holdfast::domain::millis::Millis;
use http::HeaderName;
use libfuzzer_sys::fuzz_target;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(Deployment::new);

const JOB: &[u8] = br#"{"type":"audit_log_created","payload":{"eventData":{"n":1}}}"#;

/// Tells whether it is version 00 of W3C's trace context.
fn is_trace(text: &str) -> bool {
    let lower_hex = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    text.is_ascii()
        && text.len() == 55
        && text.starts_with("00-")
        && &text[35..36] == "-"
        && &text[52..53] == "-"
        && [&text[3..35], &text[36..52], &text[53..]].into_iter().all(lower_hex)
}

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let mut call = Call::post("/api/jobs/enqueue", JOB);
    let lines: Vec<(&str, &str)> = input.lines().filter_map(|line| line.split_once(": ")).collect();
    for (name, value) in &lines {
        if HeaderName::from_bytes(name.as_bytes()).is_ok() {
            call = call.with(name, value);
        }
    }
    let first = |wanted: &str| {
        let found = call.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        found.1.to_str().ok().map(str::to_owned)
    };
    let (trace, id, shown) = (first("traceparent"), first("x-request-id"), first("authorization"));
    let answer = DEPLOYMENT.usual(&call).unwrap();

    let given = &answer.headers["x-request-id"];
    let is_clean = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    assert!((1..=100).contains(&given.len()) && is_clean(given), "{given:?}");
    assert!(id.as_ref() == Some(given) || given.starts_with("req-"), "{given:?} for {id:?}");

    answer.is_one_of(&[(201, ""), (401, "no_token"), (401, "wrong_token"), (422, "idempotency_key_invalid")]);
    assert!(answer.status == 401 || shown.is_some_and(|shown| shown.contains(TOKEN)), "{answer:?}");
    for asked in &answer.asked {
        let (_, document) = redis::jobs_of(&redis::commands(asked)[0]).remove(0);
        let document = JobDocument::read(JobId::parse("job-1").unwrap(), &document, Millis(0)).unwrap();
        let kept = document.traceparent.expect("every job is in a trace");
        assert!(is_trace(&kept), "{kept:?}");
        assert!(trace.as_ref().is_none_or(|trace| !is_trace(trace) || *trace == kept), "{kept:?} for {trace:?}");
    }
});
