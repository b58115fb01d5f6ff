//! `cancel`: a job nobody works on is taken back.

use std::time::Duration;

use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobOptions, JobStatus};
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::{Cancelled, Enqueued, Verdict};
use serde_json::json;

use crate::bench::{Bench, LEASE, dedupe, delayed, failure};

#[tokio::test]
async fn a_ready_job_is_taken_out_of_its_queue() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();

    assert_eq!(t.queue.cancel(&id).await.unwrap(), Cancelled::Done);

    assert!(t.claim(10).await.jobs.is_empty());
    assert_eq!(t.at("queue:audit_log_created").await, json!(null));
    assert_eq!(t.queue.status(&id).await.unwrap().unwrap().document.status, JobStatus::Cancelled);
    assert!(t.ttl(&format!("job:{id}")).await > 86_000_000);
}

#[tokio::test]
async fn a_delayed_job_and_one_between_attempts_never_run() {
    let t = Bench::new().await;
    let later = t.enqueue(delayed(Duration::from_secs(5))).await.id().clone();
    let failed = t.enqueue(JobOptions::default()).await.id().clone();
    let job = t.claim_one().await;
    let at = t.clock.now().plus(LEASE);
    t.settle(&job, Verdict::Retry { failure: failure(FailureKind::Timeout), at }).await;

    assert_eq!(t.queue.cancel(&later).await.unwrap(), Cancelled::Done);
    assert_eq!(t.queue.cancel(&failed).await.unwrap(), Cancelled::Done);

    t.advance(LEASE * 2);
    assert!(t.claim(10).await.jobs.is_empty());
    assert_eq!(t.at("queue:timers").await, json!(null));
    assert_eq!(t.at("queue:attempts").await, json!(null));
}

#[tokio::test]
async fn a_job_that_does_not_tell_its_queue_is_taken_out_of_it() {
    for text in ["no JSON", r#"{"type":"audit_log_created","payload":{"eventData":{}}}"#] {
        let t = Bench::new().await;
        t.redis(&["SET", &format!("{}job:foreign", t.prefix), text]).await;
        t.redis(&["RPUSH", &format!("{}queue:send_dispute_email", t.prefix), "foreign"]).await;

        assert_eq!(t.queue.cancel(&JobId::parse("foreign").unwrap()).await.unwrap(), Cancelled::Done);

        assert!(t.claim(10).await.jobs.is_empty(), "{text}");
        assert_eq!(t.at("stats:counters").await, json!({"send_dispute_email:cancelled": "1"}));
    }
}

#[tokio::test]
async fn a_job_that_is_worked_on_is_left_alone() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    t.claim_one().await;
    let before = t.state().await;

    assert_eq!(t.queue.cancel(&id).await.unwrap(), Cancelled::Processing);

    assert_eq!(t.state().await, before);
}

#[tokio::test]
async fn what_is_over_or_unknown_is_said_to_be_so() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Complete).await;

    assert_eq!(t.queue.cancel(&id).await.unwrap(), Cancelled::Over(JobStatus::Completed));
    assert_eq!(t.queue.cancel(&JobId::parse("job-none").unwrap()).await.unwrap(), Cancelled::UnknownJob);
}

#[tokio::test]
async fn a_cancelled_jobs_dedupe_key_is_free_again() {
    let t = Bench::new().await;
    let id = t.enqueue(dedupe("k")).await.id().clone();
    t.queue.cancel(&id).await.unwrap();

    assert!(matches!(t.enqueue(dedupe("k")).await, Enqueued::New(_)));
}
