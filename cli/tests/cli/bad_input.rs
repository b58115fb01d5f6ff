//! Bad input: refused with what was expected, and nothing is changed.

use holdfast::domain::job::JobType;
use serde_json::Value;

use crate::bench::{AUDIT, Bench, rejected};

const RATE: &str = "no rate; expected 1 to 1000 jobs in 1 ms to a day";

#[tokio::test]
async fn what_is_not_of_its_form_is_refused_with_what_was_expected() {
    let t = Bench::new().await;
    t.plant("job-1", JobType::AuditLogCreated, AUDIT).await;
    t.bury_all(&rejected()).await;
    let before = t.state().await;
    let long = "x".repeat(201);
    let large = format!(r#"{{"eventData":"{}"}}"#, "y".repeat(60 * 1024));
    for (words, says) in [
        (&["job", "a b"][..], "job id has the character ' '"),
        (&["job", ""], "job id has 0 bytes, expected 1 to 200"),
        (&["job", &long], "expected 1 to 200"),
        (&["cancel", "a/b"], "job id has the character '/'"),
        (&["escrow", "show", "a\nb"], "escrow id has the character"),
        (&["enqueue", "send_mail", "{}"], "possible values: send_release_email"),
        (&["enqueue", "audit_log_created", "{"], "the payload is not JSON: line 1, column 1"),
        (&["enqueue", "audit_log_created", "{}"], "missing field `eventData`"),
        (&["enqueue", "audit_log_created", &large], "the payload is too large"),
        (&["enqueue", "audit_log_created", AUDIT, "--delay", "5"], "expected a number with ms, s, m, h or d"),
        (&["enqueue", "audit_log_created", AUDIT, "--delay", "367d"], "due more than 366 days from now"),
        (&["enqueue", "audit_log_created", AUDIT, "--at", "tomorrow"], "expected one such as 2026-11-24T06:30:00Z"),
        (&["enqueue", "audit_log_created", AUDIT, "--max-attempts", "0"], "0 is not in 1..=25"),
        (&["enqueue", "audit_log_created", AUDIT, "--max-attempts", "-1"], "-1 is not in 1..=25"),
        (&["enqueue", "audit_log_created", AUDIT, "--dedupe-key", "a b"], "dedupe key has the character ' '"),
        (&["limit", "audit_log_created", "--rate", "0/1s"], RATE),
        (&["limit", "audit_log_created", "--rate", "-1/1s"], RATE),
        (&["limit", "audit_log_created", "--rate", "1001/1s"], RATE),
        (&["limit", "audit_log_created", "--rate", "1/0s"], RATE),
        (&["limit", "audit_log_created", "--rate", "1/25h"], RATE),
        (&["limit", "audit_log_created", "--rate", "1"], RATE),
        (&["limit", "audit_log_created", "--concurrency", "0"], "0 is not in 1..=10000"),
        (&["limit", "audit_log_created", "--concurrency", "-1"], "-1 is not in 1..=10000"),
        (&["limit", "audit_log_created", "--none", "--concurrency", "1"], "cannot be used with"),
        (&["limit", "nothing", "--none"], "possible values"),
        (&["limit", "audit_log_created"], "required"),
        (&["pause"], "required"),
        (&["pause", "--all", "audit_log_created"], "cannot be used with"),
        (&["resume", "nothing"], "possible values"),
        (&["max-attempts", "job-1", "26"], "26 is not in 1..=25"),
        (&["max-attempts", "job-1", "0"], "0 is not in 1..=25"),
        (&["dead-letter", "list", "--limit", "0"], "0 is not in 1..=10000"),
        (&["dead-letter", "list", "--limit", "-1"], "-1 is not in 1..=10000"),
        (&["dead-letter", "list", "--since", "yesterday"], "is no time; expected how long ago"),
        (&["dead-letter", "list", "--error-kind", "bad"], "possible values: timeout"),
        (&["dead-letter", "redrive"], "required"),
        (&["dead-letter", "redrive", "--all", "job-1"], "cannot be used with"),
        (&["dead-letter", "redrive", "--all", "--type", "audit_log_created"], "cannot be used with"),
        (&["dead-letter", "redrive", "job-1", "--since", "2h"], "the ids say it already"),
        (&["process", "--limit", "0"], "0 is not in 1..=250"),
        (&["process", "--for", "1s"], "expected 5s to 15m"),
        (&["process", "--for", "16m"], "expected 5s to 15m"),
        (&["stats", "--watch", "0"], "0 is not in 1..=3600"),
        (&["nothing"], "unrecognized subcommand"),
        (&[], "Usage: holdfast"),
    ] {
        let ran = t.run(words).await;
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
        assert!(ran.err.contains(says), "{words:?} says {:?}, not {says:?}", ran.err);
        assert_eq!(ran.out, "", "{words:?}");
    }
    let many: Vec<String> = (0..101).map(|n| format!("job-{n}")).collect();
    let words: Vec<&str> = ["dead-letter", "redrive"].into_iter().chain(many.iter().map(String::as_str)).collect();
    assert!(t.run(&words).await.err.contains("101 ids, expected at most 100"));
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn what_is_not_there_is_refused_as_such() {
    let t = Bench::new().await;
    for words in [&["job", "job-9"][..], &["cancel", "job-9"], &["max-attempts", "job-9", "3"]] {
        let ran = t.run(words).await;
        let expected =
            "holdfast: there is no job job-9; completed ones are kept for 24 hours, dead letters for 7 days\n";
        assert_eq!((ran.code, ran.err.as_str()), (3, expected));
    }
    assert!(t.state().await.is_empty());
}

#[tokio::test]
async fn an_error_is_json_too_where_json_is_asked_for() {
    let t = Bench::new().await;
    for (words, word) in [
        (&["--json", "job", "job-9"][..], "refused"),
        (&["--json", "job", "a b"], "usage"),
        (&["--json", "enqueue", "audit_log_created", "{"], "usage"),
        (&["--json", "process"], "configuration"),
    ] {
        let ran = t.run(words).await;
        let error: Value = serde_json::from_str(&ran.err).unwrap();
        assert_eq!(error["error"], word, "{ran:?}");
        assert!(!error["detail"].as_str().unwrap().is_empty() && ran.out.is_empty(), "{ran:?}");
    }
}

#[tokio::test]
async fn a_variable_that_is_missing_and_a_redis_that_does_not_answer_are_told_apart() {
    let mut t = Bench::new().await;
    t.variables.insert("KV_REST_API_TOKEN", "wrong-token".to_owned());
    let wrong = t.run(&["stats"]).await;
    assert_eq!(
        (wrong.code, wrong.err.as_str()),
        (5, "holdfast: Redis refused: WRONGPASS invalid or missing auth token\n")
    );
    assert!(!wrong.err.contains("wrong-token"));
    t.variables.insert("KV_REST_API_URL", "http://127.0.0.1:1".to_owned());
    let away = t.run(&["stats"]).await;
    assert_eq!((away.code, away.err.as_str()), (5, "holdfast: Redis cannot be reached: no connection\n"));
    t.variables.remove("KV_REST_API_URL");
    let unset = t.run(&["stats"]).await;
    assert_eq!((unset.code, unset.err.as_str()), (4, "holdfast: the variable KV_REST_API_URL is not set\n"));
}
