//! `claim`: which jobs are given out, to whom, and what happens to timers that run out.

use std::time::Duration;

use devkit::rest::Fault;
use holdfast::domain::job::{DocumentError, Due, JobOptions, JobType};
use holdfast::queue::Verdict;
use serde_json::json;

use crate::bench::{ANY, Bench, LEASE, PAYLOAD, delayed};

const MAIL: &str = r#"{"transactionId":"e","recipientEmail":"a@b"}"#;

#[tokio::test]
async fn a_claim_holds_the_job_until_the_lease_ends_and_counts_the_attempt() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let document = t.at("job:job-1800000000000-000000001").await;

    let job = t.claim_one().await;

    assert_eq!((job.attempt, job.claim.as_str()), (1, "000000000002"));
    let expected = json!({
        "job:job-1800000000000-000000001": document,
        "queue:timers": {"audit_log_created/job-1800000000000-000000001": "1800000060000"},
        "queue:attempts": {"job-1800000000000-000000001": "1 000000000002"},
        "queue:in_flight": {"audit_log_created": "1"},
        "claim:000000000002": "audit_log_created/job-1800000000000-000000001",
        "stats:counters": {"audit_log_created:enqueued": "1"},
    });
    assert_eq!(json!(t.state().await), expected);
    assert!(t.claim(10).await.jobs.is_empty());
}

#[tokio::test]
async fn jobs_of_a_type_are_claimed_first_in_first_out() {
    let t = Bench::new().await;
    let ids = t.enqueue_many(5).await;

    let first = t.claim(3).await;
    let rest = t.claim(3).await;

    let claimed: Vec<_> = first.jobs.iter().chain(&rest.jobs).map(|job| job.id.clone()).collect();
    assert_eq!(claimed, ids);
    assert_eq!((first.more, rest.more), (true, false));
}

#[tokio::test]
async fn a_flood_of_one_type_leaves_every_other_its_share() {
    let t = Bench::new().await;
    t.enqueue_many(500).await;
    let mail = t.job(JobType::SendDisputeEmail, MAIL, JobOptions::default());
    t.queue.enqueue(&[mail]).await.unwrap();

    let claimed = t.claim(10).await;

    let of = |job_type| claimed.jobs.iter().filter(|job| job.job_type == job_type).count();
    assert_eq!((of(ANY), of(JobType::SendDisputeEmail)), (10, 1));
}

#[tokio::test]
async fn only_the_types_asked_for_are_claimed() {
    let t = Bench::new().await;
    t.enqueue_many(1).await;
    let mut request = t.request(10);
    request.types = vec![JobType::SendDisputeEmail];

    assert!(t.queue.claim(&request).await.unwrap().jobs.is_empty());
}

#[tokio::test]
async fn a_delayed_job_is_skipped_until_it_is_due() {
    let t = Bench::new().await;
    t.enqueue(delayed(Duration::from_secs(5))).await;
    t.advance(Duration::from_millis(4_999));
    assert!(t.claim(10).await.jobs.is_empty());

    t.advance(Duration::from_millis(1));

    assert_eq!(t.claim_one().await.attempt, 1);
}

#[tokio::test]
async fn a_lapsed_lease_returns_the_job_and_has_cost_an_attempt() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let first = t.claim_one().await;
    t.advance(LEASE);

    let second = t.claim_one().await;

    assert_eq!((&second.id, second.attempt), (&first.id, 2));
    assert_ne!(second.claim, first.claim);
    assert_eq!(t.at("queue:in_flight").await, json!({"audit_log_created": "1"}));
    assert_eq!(t.at("stats:counters").await["audit_log_created:lapsed"], json!("1"));
}

#[tokio::test]
async fn a_lease_holds_to_its_last_millisecond() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    t.claim_one().await;
    t.advance(LEASE.checked_sub(Duration::from_millis(1)).unwrap());

    assert!(t.claim(10).await.jobs.is_empty());
}

#[tokio::test]
async fn another_producer_needs_two_plain_commands() {
    let t = Bench::new().await;
    let document = r#"{"type":"audit_log_created","payload":{"eventData":{}}}"#;
    t.redis(&["SET", &format!("{}job:order-17", t.prefix), document]).await;
    t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), "order-17"]).await;

    let job = t.claim_one().await;

    assert_eq!((job.id.as_str(), job.document.unwrap().max_attempts), ("order-17", 3));
}

#[tokio::test]
async fn an_id_pushed_twice_runs_once() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let queue = format!("{}queue:audit_log_created", t.prefix);
    t.redis(&["RPUSH", &queue, id.as_str(), id.as_str()]).await;
    let job = t.claim_one().await;
    t.redis(&["RPUSH", &queue, id.as_str()]).await;

    assert!(t.claim(10).await.jobs.is_empty());

    t.settle(&job, Verdict::Complete).await;
    assert_eq!(t.at("stats:counters").await["audit_log_created:repeated"], json!("3"));
}

#[tokio::test]
async fn ids_without_a_document_and_texts_that_are_no_ids_are_counted_and_dropped() {
    let t = Bench::new().await;
    let queue = format!("{}queue:audit_log_created", t.prefix);
    t.redis(&["RPUSH", &queue, "job-gone", "not an id", "", "a/b", &"x".repeat(500)]).await;
    t.enqueue(JobOptions::default()).await;

    let job = t.claim_one().await;

    t.settle(&job, Verdict::Complete).await;
    assert_eq!(t.at("stats:counters").await["audit_log_created:no_document"], json!("5"));
    assert_eq!(t.at("queue:audit_log_created").await, json!(null));
    assert_eq!(t.at("queue:attempts").await, json!(null));
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_claimed_with_the_reason() {
    let t = Bench::new().await;
    t.redis(&["SET", &format!("{}job:bad", t.prefix), "not json"]).await;
    t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), "bad"]).await;

    let job = t.claim_one().await;

    assert!(matches!(job.document, Err(DocumentError::NotAnObject(_))));
    assert_eq!(job.text, "not json");
}

#[tokio::test]
async fn of_a_document_too_large_only_the_beginning_is_given_and_so_again_where_the_answer_was_lost() {
    let t = Bench::new().await;
    let large = "return redis.call('SET', KEYS[1], string.rep('y', ARGV[1]))";
    for (id, bytes) in [("largest", "524288"), ("larger", "524289")] {
        t.redis(&["EVAL", large, "1", &format!("{}job:{id}", t.prefix), bytes]).await;
        t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), id]).await;
    }
    assert_eq!(t.claim(1).await.jobs[0].text.len(), 524_288);
    t.fault(Fault::ReplyLost);

    let job = t.claim_one().await;

    assert_eq!((job.id.as_str(), job.attempt, job.text), ("larger", 1, "y".repeat(1_000)));
    assert_eq!(job.document.unwrap_err(), DocumentError::TooLarge(524_289));
}

#[tokio::test]
async fn twenty_thousand_jobs_due_at_once_wedge_nothing() {
    let t = Bench::new().await;
    for _ in 0..20 {
        let jobs: Vec<_> = (0..1_000).map(|_| t.job(ANY, PAYLOAD, delayed(Duration::from_secs(1)))).collect();
        t.queue.enqueue(&jobs).await.unwrap();
    }
    t.advance(Duration::from_secs(2));

    let mut ids = std::collections::BTreeSet::new();
    loop {
        let claimed = t.claim(250).await;
        let settlements: Vec<_> = claimed.jobs.iter().map(|job| t.settlement(job, Verdict::Complete)).collect();
        ids.extend(claimed.jobs.into_iter().map(|job| job.id));
        if !settlements.is_empty() {
            t.queue.settle(&settlements).await.unwrap();
        } else if !claimed.more {
            break;
        }
    }

    assert_eq!(ids.len(), 20_000);
    assert_eq!(t.at("queue:timers").await, json!(null));
}

#[tokio::test]
async fn a_claim_takes_no_more_documents_than_one_reply_should_carry() {
    let t = Bench::new().await;
    let payload = format!(r#"{{"eventData":{{"x":"{}"}}}}"#, "y".repeat(50_000));
    for _ in 0..2 {
        let jobs: Vec<_> = (0..50).map(|_| t.job(ANY, &payload, JobOptions::default())).collect();
        t.queue.enqueue(&jobs).await.unwrap();
    }
    let first = t.claim(100).await;
    let second = t.claim(100).await;

    let third = t.claim(100).await;

    let counts = [first.jobs.len(), second.jobs.len(), third.jobs.len()];
    assert_eq!(counts, [42, 42, 16]);
    assert_eq!((first.more, second.more, third.more), (true, true, false));
    let ids: Vec<_> = [first, second, third].into_iter().flat_map(|claimed| claimed.jobs).map(|job| job.id).collect();
    assert!(ids.is_sorted());
}

#[tokio::test]
async fn large_documents_of_one_type_leave_every_other_its_share() {
    let t = Bench::new().await;
    let large = format!(r#"{{"transactionId":"e","recipientEmail":"a@b","buyerName":"{}"}}"#, "y".repeat(50_000));
    let mut mails = Vec::new();
    for _ in 0..3 {
        let jobs: Vec<_> = (0..50).map(|_| t.job(JobType::SendReleaseEmail, &large, JobOptions::default())).collect();
        let enqueued = t.queue.enqueue(&jobs).await.unwrap();
        mails.extend(enqueued.into_iter().map(|enqueued| enqueued.id().clone()));
    }
    let capture = t.job(JobType::StripeCapturePayment, r#"{"paymentIntentId":"pi_1"}"#, JobOptions::default());
    t.queue.enqueue(&[capture]).await.unwrap();
    t.enqueue_many(3).await;

    let first = t.claim(250).await;

    let of = |job_type| first.jobs.iter().filter(|job| job.job_type == job_type).count();
    let counts = [JobType::SendReleaseEmail, JobType::StripeCapturePayment, ANY].map(of);
    assert_eq!((counts, first.more), ([42, 1, 3], true));
    let mut claimed = first.jobs;
    for _ in 0..3 {
        claimed.extend(t.claim(250).await.jobs);
    }
    let released: Vec<_> = claimed.into_iter().filter(|job| job.job_type == JobType::SendReleaseEmail).collect();
    assert_eq!(released.into_iter().map(|job| job.id).collect::<Vec<_>>(), mails);
}

#[tokio::test]
async fn a_dead_letter_is_forgotten_after_seven_days_and_counted() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Bury(crate::bench::failure(holdfast::domain::outcome::FailureKind::Rejected))).await;
    t.advance(Duration::from_hours(7 * 24) - Duration::from_millis(1));
    t.claim(10).await;
    assert_ne!(t.at("queue:dead_letter").await, json!(null));

    t.advance(Duration::from_millis(1));
    t.claim(10).await;

    assert_eq!(t.at("queue:dead_letter").await, json!(null));
    assert_eq!(t.at("queue:timers").await, json!(null));
    assert_eq!(t.at("stats:counters").await["dead_letter:expired"], json!("1"));
}

#[tokio::test]
async fn a_claim_that_fails_at_a_key_of_another_kind_loses_no_job() {
    for key in [
        "queue:attempts",
        "queue:in_flight",
        "queue:control",
        "queue:dead_letter",
        "queue:send_refund_email",
        "queue:rate:audit_log_created",
    ] {
        let t = Bench::new().await;
        let key = &format!("{}{key}", t.prefix);
        let in_a_second = Due::After(Duration::from_secs(1));
        let mut jobs = Vec::new();
        for (job_type, payload, due) in [
            (JobType::SendReleaseEmail, MAIL, Due::Now),
            (JobType::SendReleaseEmail, MAIL, Due::Now),
            (JobType::SendReleaseEmail, MAIL, in_a_second),
            (JobType::SendRefundEmail, MAIL, in_a_second),
            (ANY, PAYLOAD, Due::Now),
            (ANY, PAYLOAD, in_a_second),
        ] {
            jobs.push(t.job(job_type, payload, JobOptions { due, ..JobOptions::default() }));
        }
        t.queue.enqueue(&jobs).await.unwrap();
        let limits = ["concurrency:audit_log_created", "9", "rate:audit_log_created", "9 1000"];
        t.redis(&[&["HSET", &format!("{}queue:control", t.prefix)], &limits[..]].concat()).await;
        t.redis(&["ZADD", &format!("{}queue:timers", t.prefix), "1", "dead_letter/job-0"]).await;
        t.advance(Duration::from_secs(1));
        t.redis(&["SET", key, "of somebody else's"]).await;

        for _ in 0..2 {
            t.queue.claim(&t.request(10)).await.unwrap_err();
        }

        t.redis(&["DEL", key]).await;
        t.advance(LEASE);
        let mut claimed = t.claim(10).await.jobs;
        claimed.sort_by_key(|job| job.job_type);
        let ids: Vec<_> = claimed.into_iter().map(|job| job.id).collect();
        assert_eq!(ids, jobs.into_iter().map(|job| job.document.id).collect::<Vec<_>>(), "{key}");
    }
}
