//! `status`, `stats` and `oldest_due`: what can be seen of the queue.

use std::time::Duration;

use devkit::redis::{Kind, RedisOptions, RedisServer};
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobOptions, JobStatus, JobType};
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::Verdict;
use serde_json::json;

use crate::bench::{ANY, Bench, LEASE, START, delayed, failure};

async fn seen(t: &Bench, id: &JobId) -> (JobStatus, u32) {
    let document = t.queue.status(id).await.unwrap().unwrap().document;
    (document.status, document.attempt_count)
}

#[tokio::test]
async fn the_status_follows_a_job_through_its_life() {
    let t = Bench::new().await;
    let id = t.enqueue(delayed(Duration::from_secs(1))).await.id().clone();
    assert_eq!(seen(&t, &id).await, (JobStatus::Scheduled, 0));
    t.advance(Duration::from_secs(1));
    let first = t.claim_one().await;
    assert_eq!(seen(&t, &id).await, (JobStatus::Processing, 1));
    let at = t.clock.now().plus(Duration::from_secs(2));
    t.settle(&first, Verdict::Retry { failure: failure(FailureKind::Timeout), at }).await;
    assert_eq!(seen(&t, &id).await, (JobStatus::Failed, 1));
    t.advance(Duration::from_secs(2));
    t.claim_one().await;
    assert_eq!(seen(&t, &id).await, (JobStatus::Processing, 2));
    t.advance(LEASE);
    let mut other = t.request(1);
    other.types = vec![JobType::SendDisputeEmail];
    t.queue.claim(&other).await.unwrap();
    assert_eq!(seen(&t, &id).await, (JobStatus::Pending, 2));
    let third = t.claim_one().await;
    t.settle(&third, Verdict::Release(None)).await;
    assert_eq!(seen(&t, &id).await, (JobStatus::Pending, 2));
    let third = t.claim_one().await;
    t.settle(&third, Verdict::Complete).await;
    assert_eq!(seen(&t, &id).await, (JobStatus::Completed, 3));
}

#[tokio::test]
async fn a_job_that_never_was_has_no_status() {
    let t = Bench::new().await;
    assert!(t.queue.status(&JobId::parse("job-none").unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn statistics_count_every_place_a_job_can_be_in() {
    let t = Bench::new().await;
    t.enqueue_many(4).await;
    t.enqueue(delayed(LEASE)).await;
    let jobs = t.claim(3).await.jobs;
    t.settle(&jobs[0], Verdict::Complete).await;
    t.settle(&jobs[1], Verdict::Bury(failure(FailureKind::Rejected))).await;

    let stats = t.queue.stats().await.unwrap();

    assert_eq!((stats.ready[&ANY], stats.ready.len()), (1, 9));
    assert_eq!((stats.in_flight[&ANY], stats.waiting, stats.dead_letters), (1, 1, 1));
    assert_eq!((stats.counters["audit_log_created:completed"], stats.counters["audit_log_created:dead"]), (1, 1));
}

#[tokio::test]
async fn the_oldest_due_job_is_found_in_queues_and_among_timers() {
    let t = Bench::new().await;
    let age = async || t.queue.oldest_due().await.unwrap().age.map(|age| age.as_millis());
    assert_eq!(age().await, None);
    t.enqueue(delayed(Duration::from_secs(10))).await;
    assert_eq!(age().await, None);
    t.advance(Duration::from_secs(11));
    assert_eq!(age().await, Some(1_000));
    t.enqueue(JobOptions::default()).await;
    t.advance(Duration::from_secs(1));
    assert_eq!(age().await, Some(2_000));
    t.claim(10).await;
    assert_eq!(age().await, None);
}

#[tokio::test]
async fn a_job_that_does_not_tell_its_age_is_as_old_as_its_place_at_the_head_of_its_queue() {
    let t = Bench::new().await;
    let age = async || t.queue.oldest_due().await.unwrap().age.map(|age| age.as_secs());
    let enqueue = async |fields: &str| {
        let document = format!(r#"{{"type":"audit_log_created","payload":{{"eventData":{{}}}}{fields}}}"#);
        t.redis(&["SET", &format!("{}job:order-17", t.prefix), &document]).await;
        t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), "order-17"]).await;
    };
    enqueue("").await;
    assert_eq!(age().await, Some(0));
    t.advance(Duration::from_secs(301));
    assert_eq!(age().await, Some(301));
    assert!((1..=3_600_000).contains(&t.ttl("queue:heads").await));

    let job = t.claim_one().await;
    assert_eq!(age().await, None);
    t.settle(&job, Verdict::Complete).await;
    enqueue("").await;
    assert_eq!(age().await, Some(0), "the same id begins anew");
    enqueue(&format!(r#","createdAt":{START}"#)).await;
    assert_eq!(age().await, Some(301));
    assert_eq!(t.at("queue:heads").await, json!(null), "the document tells it");
    t.redis(&["DEL", &format!("{}queue:audit_log_created", t.prefix)]).await;
    t.enqueue(JobOptions::default()).await;
    assert_eq!((age().await, t.at("queue:heads").await), (Some(0), json!(null)));
}

#[tokio::test]
async fn a_redis_that_takes_no_writes_tells_the_age_of_what_tells_it() {
    let redis = RedisServer::start(RedisOptions::default()).await.unwrap();
    if redis.kind() == Kind::Meebis {
        return; // It has no ACL.
    }
    let t = Bench::before_own(&redis).await;
    t.enqueue(JobOptions::default()).await;
    let document = r#"{"type":"send_release_email","payload":{}}"#;
    t.redis(&["SET", &format!("{}job:order-17", t.prefix), document]).await;
    t.redis(&["RPUSH", &format!("{}queue:send_release_email", t.prefix), "order-17"]).await;
    t.redis(&["ACL", "SETUSER", "default", "-@write"]).await;
    t.advance(Duration::from_secs(9));
    assert_eq!(t.queue.oldest_due().await.unwrap().age, Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn neither_what_is_in_a_payload_nor_an_id_like_ours_tells_an_age() {
    let document = r#"{"type":"audit_log_created","payload":{"eventData":{"createdAt":1,"note":"}}\\\",\"runAt\":2"},"runAt":3},"status":"createdAt"}"#;
    for id in ["order-17", "job-7-x"] {
        let t = Bench::new().await;
        t.redis(&["SET", &format!("{}job:{id}", t.prefix), document]).await;
        t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), id]).await;
        assert_eq!(t.queue.oldest_due().await.unwrap().age, Some(Duration::ZERO));
        t.advance(Duration::from_secs(9));
        assert_eq!(t.queue.oldest_due().await.unwrap().age, Some(Duration::from_secs(9)), "{id}");
    }
}
