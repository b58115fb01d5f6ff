//! A repeated enqueue: what makes the second call one with the first, and what a caller is told where nothing does.

use devkit::rest::Fault;
use serde_json::json;

use crate::bench::Bench;
use crate::site::{Answer, TOKEN, call};

const ENQUEUE: &str = "/api/jobs/enqueue";
const PLAIN: &str = r#"{"type":"audit_log_created","payload":{"eventData":{}}}"#;
const DEDUPED: &str = r#"{"type":"audit_log_created","payload":{"eventData":{}},"dedupeKey":"k"}"#;

async fn enqueue(t: &Bench, key: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
    call(&t.app_with(&[]), "POST", ENQUEUE, &headers, body).await
}

#[tokio::test]
async fn the_header_stands_for_the_dedupe_key_of_a_job_that_has_none() {
    let t = Bench::new().await;

    let first = enqueue(&t, "mail-1", PLAIN).await;
    let again = enqueue(&t, "mail-1", PLAIN).await;
    let quoted = enqueue(&t, "\"mail-1\"", PLAIN).await;
    let named = enqueue(&t, "other", &PLAIN.replace("}}}", r#"}},"dedupeKey":"mail-1"}"#)).await;

    assert_eq!((first.status, &first.body["duplicate"]), (201, &json!(false)));
    for duplicate in [again, quoted, named] {
        assert_eq!((duplicate.status, duplicate.body), (201, json!({"jobId": first.body["jobId"], "duplicate": true})));
    }
    assert_eq!(t.at("queue:audit_log_created").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn in_a_batch_the_header_stands_for_each_job_with_its_index() {
    let t = Bench::new().await;
    let batch = format!("[{PLAIN},{DEDUPED},{PLAIN}]");

    let first = enqueue(&t, "batch-1", &batch).await;
    let again = enqueue(&t, "batch-1", &batch).await;

    assert!(first.body.as_array().unwrap().iter().all(|job| job["duplicate"] == false), "{first:?}");
    for (index, key) in ["batch-1:0", "k", "batch-1:2"].into_iter().enumerate() {
        let path = format!("/api/jobs/{}", first.body[index]["jobId"].as_str().unwrap());
        assert_eq!(t.get(&path, TOKEN).await.body["dedupeKey"], key);
        assert_eq!(again.body[index], json!({"jobId": first.body[index]["jobId"], "duplicate": true}));
    }
}

#[tokio::test]
async fn a_header_that_is_no_dedupe_key_is_refused_with_what_was_expected_and_nothing_is_enqueued() {
    let t = Bench::new().await;
    for (key, detail) in [
        (
            "a b",
            "Idempotency-Key: dedupe key has the character ' ', expected only letters, digits and '-', '_', '.', ':'",
        ),
        ("", "Idempotency-Key: dedupe key has 0 bytes, expected 1 to 200"),
        (&"x".repeat(201), "Idempotency-Key: dedupe key has 201 bytes, expected 1 to 200"),
    ] {
        for body in [PLAIN, DEDUPED] {
            let answer = enqueue(&t, key, body).await;
            assert_eq!((answer.problem(), &answer.body["detail"]), ((422, "idempotency_key_invalid"), &json!(detail)));
        }
    }
    let long = enqueue(&t, &"x".repeat(199), &format!("[{PLAIN}]")).await;
    assert_eq!(long.problem(), (422, "idempotency_key_invalid"), "no room for the index");
    assert!(t.state().await.is_empty());
}

#[tokio::test]
async fn an_unknown_outcome_says_whether_the_same_call_again_is_safe() {
    let t = Bench::new().await;
    t.rest.faults().always(Fault::StatusAfter(502));
    let bearer = format!("Bearer {TOKEN}");
    let plain = [("authorization", bearer.as_str())];

    let app = t.app_with(&[]);
    let safe = [
        enqueue(&t, "mail-1", PLAIN).await,
        enqueue(&t, "mail-1", &format!("[{PLAIN},{DEDUPED}]")).await,
        call(&app, "POST", ENQUEUE, &plain, DEDUPED).await,
    ];
    let unsafe_ones = [
        call(&app, "POST", ENQUEUE, &plain, PLAIN).await,
        call(&app, "POST", ENQUEUE, &plain, &format!("[{DEDUPED},{PLAIN}]")).await,
    ];

    for answer in safe {
        assert_eq!((answer.problem(), &answer.body["retry"]), ((503, "outcome_unknown"), &json!("same_key")));
        assert!(answer.body["detail"].as_str().unwrap().ends_with("safe to repeat"), "{answer:?}");
    }
    for answer in unsafe_ones {
        assert_eq!((answer.problem(), &answer.body["retry"]), ((503, "outcome_unknown"), &json!("may_do_twice")));
        let expected = "the store gave no answer; the jobs may have been enqueued, and repeating the request may enqueue them twice: \
            send each with a dedupeKey, or the request with an Idempotency-Key, and it is safe to repeat";
        assert_eq!(answer.body["detail"], expected);
    }
}

#[tokio::test]
async fn a_question_whose_answer_is_lost_can_be_asked_again() {
    let t = Bench::new().await;
    t.rest.faults().always(Fault::StatusAfter(502));
    let expected = "the store gave no full answer; the request may be sent again";
    for path in ["/api/health", "/api/jobs/job-1", "/api/jobs/process"] {
        let answer = t.get(path, TOKEN).await;
        assert_eq!((answer.problem(), &answer.body["retry"]), ((503, "outcome_unknown"), &json!("after")), "{path}");
        assert_eq!((&answer.body["detail"], &answer.headers["retry-after"]), (&json!(expected), &"5".parse().unwrap()));
    }
}
