//! `enqueue`: one or many, at once or later, and what a dedupe key does.

use std::time::Duration;

use holdfast::domain::job::{Due, JobOptions, JobType};
use holdfast::domain::millis::Millis;
use holdfast::queue::{EnqueueError, Enqueued};
use serde_json::json;

use crate::bench::{ANY, Bench, PAYLOAD, START, dedupe, delayed};

#[tokio::test]
async fn a_job_is_stored_and_ready_and_nothing_else_changes() {
    let t = Bench::new().await;

    let enqueued = t.enqueue(JobOptions::default()).await;

    let id = "job-1800000000000-000000001";
    assert_eq!(enqueued.id().as_str(), id);
    let document = r#"{"id":"job-1800000000000-000000001","type":"audit_log_created","payload":{"eventData":{"n":1}},"status":"pending","attemptCount":0,"maxAttempts":3,"lastError":null,"createdAt":1800000000000,"runAt":null,"updatedAt":1800000000000,"completedAt":null,"dedupeKey":null,"traceparent":null,"schemaVersion":1}"#;
    let expected = json!({
        "job:job-1800000000000-000000001": document,
        "queue:audit_log_created": [id],
        "stats:counters": {"audit_log_created:enqueued": "1"},
    });
    assert_eq!(json!(t.state().await), expected);
}

#[tokio::test]
async fn the_document_of_a_live_job_never_expires() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;

    assert_eq!(t.ttl("job:job-1800000000000-000000001").await, -1);
}

#[tokio::test]
async fn a_delayed_job_waits_among_the_timers_by_the_stores_clock() {
    let t = Bench::new().await;

    t.enqueue(delayed(Duration::from_secs(5))).await;

    let timers = json!({"audit_log_created/job-1800000000000-000000001": "1800000005000"});
    assert_eq!(t.at("queue:timers").await, timers);
    assert_eq!(t.at("queue:audit_log_created").await, json!(null));
}

#[tokio::test]
async fn a_time_that_has_passed_means_at_once() {
    let t = Bench::new().await;

    t.enqueue(JobOptions { due: Due::At(Millis(START.0 - 1)), ..JobOptions::default() }).await;

    assert_eq!(t.at("queue:audit_log_created").await, json!(["job-1800000000000-000000001"]));
}

#[tokio::test]
async fn a_second_job_under_a_dedupe_key_is_answered_with_the_first() {
    let t = Bench::new().await;
    let first = t.enqueue(dedupe("escrow-esc-123-release")).await;
    let before = t.state().await;

    let second = t.enqueue(dedupe("escrow-esc-123-release")).await;

    assert_eq!(second, Enqueued::Duplicate(first.id().clone()));
    let mut expected = before;
    expected.insert(
        "stats:counters".into(),
        json!({"audit_log_created:enqueued": "1", "audit_log_created:duplicate": "1"}),
    );
    assert_eq!(t.state().await, expected);
}

#[tokio::test]
async fn a_dedupe_key_is_held_for_one_hour_and_then_free() {
    let t = Bench::new().await;
    t.enqueue(dedupe("k")).await;
    let key = "dedupe:audit_log_created:k";
    let left = t.ttl(key).await;
    assert!((3_590_000..=3_600_000).contains(&left), "{left}");

    t.redis(&["PEXPIRE", &format!("{}{key}", t.prefix), "0"]).await;

    assert!(matches!(t.enqueue(dedupe("k")).await, Enqueued::New(_)));
}

#[tokio::test]
async fn the_same_dedupe_key_of_another_type_is_another_key() {
    let t = Bench::new().await;
    t.enqueue(dedupe("k")).await;
    let mail = r#"{"transactionId":"e","recipientEmail":"a@b"}"#;
    let other = t.job(JobType::SendDisputeEmail, mail, dedupe("k"));

    let enqueued = t.queue.enqueue(&[other]).await.unwrap();

    assert!(matches!(enqueued[0], Enqueued::New(_)));
}

#[tokio::test]
async fn two_jobs_of_one_call_under_one_dedupe_key_are_one_job() {
    let t = Bench::new().await;
    let jobs = [t.job(ANY, PAYLOAD, dedupe("k")), t.job(ANY, PAYLOAD, dedupe("k"))];

    let enqueued = t.queue.enqueue(&jobs).await.unwrap();

    let first = jobs[0].document.id.clone();
    assert_eq!(enqueued, [Enqueued::New(first.clone()), Enqueued::Duplicate(first)]);
    assert_eq!(t.at("queue:audit_log_created").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_thousand_jobs_go_in_one_call_and_keep_their_order() {
    // Redis knows the script before, so that the calls counted are all there are.
    Bench::new().await.enqueue_many(1).await;
    let t = Bench::new().await;

    let ids = t.enqueue_many(1_000).await;

    assert_eq!(t.rest.calls(), 1);
    assert_eq!(t.at("queue:audit_log_created").await, json!(ids));
}

#[tokio::test]
async fn none_and_more_than_a_thousand_jobs_are_refused() {
    let t = Bench::new().await;
    let job = t.job(ANY, PAYLOAD, JobOptions::default());

    assert_eq!(t.queue.enqueue(&[]).await, Err(EnqueueError::Count(0)));
    assert_eq!(t.queue.enqueue(&vec![job; 1_001]).await, Err(EnqueueError::Count(1_001)));
    assert!(t.state().await.is_empty());
}

#[tokio::test]
async fn payloads_come_back_byte_for_byte() {
    let t = Bench::new().await;
    let payload = r#"{"eventData":{"big":123456789012345678901234567890,"f":1.10,"e":-0.0,"none":[],"o":{},"text":"ä😀\u0000\u2028\"\\","nl":"a\nb"}}"#;
    let job = t.job(ANY, payload, JobOptions::default());
    t.queue.enqueue(&[job]).await.unwrap();

    let claimed = t.claim_one().await;

    assert_eq!(claimed.document.unwrap().payload.get(), payload);
}
