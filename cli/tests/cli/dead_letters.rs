//! Dead letters: listed, shown, brought back, mended, discarded.

use holdfast::domain::job::JobType;
use serde_json::json;

use crate::bench::{AGE_TEXT, AUDIT, Bench, rejected};

async fn with_letters(ids: &[&str]) -> Bench {
    let t = Bench::new().await;
    for id in ids {
        t.plant(id, JobType::AuditLogCreated, AUDIT).await;
    }
    t.bury_all(&rejected()).await;
    t
}

#[tokio::test]
async fn the_list_has_a_line_each() {
    let t = with_letters(&["job-1"]).await;
    assert_eq!(
        t.run(&["dead-letter", "list"]).await.text(),
        format!(
            "\
DIED            TYPE               ATTEMPTS  FAILURE   ID     ERROR
{AGE_TEXT}  audit_log_created         1  rejected  job-1  the other side answered status 404
"
        )
    );
    assert_eq!(t.run(&["dlq", "list", "--since", "1h"]).await.text(), "no dead letters\n");
    assert_eq!(t.run(&["dlq", "list", "--until", "3h"]).await.text(), "no dead letters\n");
    assert_eq!(t.run(&["dlq", "list", "--error-kind", "timeout"]).await.text(), "no dead letters\n");
    assert_eq!(t.run(&["dlq", "list", "--type", "send_refund_email"]).await.text(), "no dead letters\n");
}

#[tokio::test]
async fn a_list_that_is_cut_says_so() {
    let t = with_letters(&["job-1", "job-2", "job-3"]).await;
    for (limit, more) in [("2", true), ("3", false)] {
        let listed = t.run(&["--json", "dead-letter", "list", "--limit", limit]).await.json();
        assert_eq!(
            (listed["deadLetters"].as_array().unwrap().len().to_string().as_str(), &listed["more"]),
            (limit, &json!(more))
        );
        let narrowed = t.run(&["dead-letter", "list", "--limit", limit, "--error-kind", "rejected"]).await;
        assert_eq!(narrowed.text().ends_with("... and more; --limit shows them\n"), more, "{narrowed:?}");
    }
}

#[tokio::test]
async fn one_is_mended_and_brought_back_with_its_history() {
    let t = with_letters(&["job-1"]).await;

    let edited = t.run_with(&["dead-letter", "edit", "job-1", "--payload", "-"], r#"{"eventData":{"n":1.50}}"#).await;
    assert_eq!(edited.text(), "edited job-1; `holdfast dead-letter redrive job-1` brings it back\n");
    assert_eq!(t.run(&["dead-letter", "redrive", "job-1"]).await.text(), "redriven 1 dead letter\n");

    let job = t.run(&["job", "job-1"]).await;
    assert!(job.text().contains("status    pending\nattempts  0 of 3\n"), "{job:?}");
    assert!(
        job.text().contains(&format!("EARLIER LIVES   ATTEMPTS  LAST ERROR\n{AGE_TEXT}         1  the other side")),
        "{job:?}"
    );
    assert!(job.text().contains("\"n\": 1.50"), "{job:?}");
    // Both changes are on record.
    assert_eq!(t.run(&["--json", "stats"]).await.json()["audit_log_created"], 3);
}

#[tokio::test]
async fn what_is_not_dead_is_named_and_nothing_is_changed() {
    let t = with_letters(&["job-1"]).await;
    t.plant("job-2", JobType::AuditLogCreated, AUDIT).await;
    let before = t.state().await;
    for action in ["redrive", "discard"] {
        let ran = t.run(&["dead-letter", action, "job-1", "job-2", "job-3"]).await;
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (3, "holdfast: job-2, job-3 are no dead letters; nothing was changed\n")
        );
    }
    for words in [&["dead-letter", "show", "job-2"][..], &["dead-letter", "edit", "job-2", "--payload", AUDIT]] {
        let ran = t.run(words).await;
        assert_eq!((ran.code, ran.err.as_str()), (3, "holdfast: job-2 is no dead letter; nothing was changed\n"));
    }
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn an_edit_that_the_type_does_not_take_is_refused_and_nothing_is_changed() {
    let t = with_letters(&["job-1"]).await;
    let before = t.state().await;
    for payload in ["{", "[]", r#"{"event":1}"#, "@/nowhere", ""] {
        let ran = t.run(&["dead-letter", "edit", "job-1", "--payload", payload]).await;
        assert_eq!(ran.code, 2, "{payload}: {ran:?}");
    }
    let without = t.run(&["dead-letter", "edit", "job-1"]).await;
    assert!(without.code == 2 && without.err.contains("--payload is missing"), "{without:?}");
    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn nothing_is_discarded_by_the_many_without_a_yes() {
    let t = with_letters(&["job-1", "job-2"]).await;
    let before = t.state().await;
    for words in
        [&["dead-letter", "discard", "--all"][..], &["--json", "dead-letter", "discard", "--type", "audit_log_created"]]
    {
        let ran = t.run_with(words, "y\n").await;
        assert!(ran.code == 3 && ran.err.contains("--yes"), "{ran:?}");
    }
    assert_eq!(t.state().await, before);
    let ran = t.run(&["--json", "dead-letter", "discard", "--all", "--yes"]).await;
    assert_eq!(ran.json(), json!({"done": 2, "skipped": 0, "steps": 1}));
    assert_eq!(t.run(&["--json", "job", "job-1"]).await.json()["status"], "cancelled");
}
