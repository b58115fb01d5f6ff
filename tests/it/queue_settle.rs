//! `settle`: what each verdict leaves behind, and that only the holder of a lease can give one.

use std::time::Duration;

use holdfast::domain::job::JobOptions;
use holdfast::domain::millis::Millis;
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::{Change, LetterRange, Settled, Verdict};
use serde_json::{Value, json};

use crate::bench::{Bench, LEASE, START, dedupe, failure};

const ID: &str = "job-1800000000000-000000001";
const JOB: &str = "job:job-1800000000000-000000001";

async fn document(t: &Bench) -> Value {
    serde_json::from_str(t.at(JOB).await.as_str().unwrap()).unwrap()
}

/// What is left of the queue's own structures, without documents and counters.
async fn structures(t: &Bench) -> Value {
    let mut state = t.state().await;
    state.retain(|key, _| key.starts_with("queue:"));
    json!(state)
}

fn retry(at: Millis) -> Verdict {
    Verdict::Retry { failure: failure(FailureKind::Unavailable), at }
}

#[tokio::test]
async fn a_completed_job_is_kept_for_a_day_and_nothing_else_is_left() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let job = t.claim_one().await;

    assert_eq!(t.settle(&job, Verdict::Complete).await, Settled::Done);

    let left = t.ttl(JOB).await;
    assert!((86_390_000..=86_400_000).contains(&left), "{left}");
    let document = document(&t).await;
    assert_eq!(document["status"], "completed");
    assert_eq!((&document["attemptCount"], &document["completedAt"]), (&json!(1), &json!(START)));
    assert_eq!(structures(&t).await, json!({"queue:in_flight": {"audit_log_created": "0"}}));
}

#[tokio::test]
async fn a_retried_job_waits_with_its_error_and_never_expires() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let job = t.claim_one().await;
    let at = START.plus(Duration::from_secs(2));

    t.settle(&job, retry(at)).await;

    let document = document(&t).await;
    assert_eq!(
        (&document["status"], &document["lastError"], &document["errorKind"]),
        (&json!("failed"), &json!("the other side said no"), &json!("unavailable"))
    );
    assert_eq!(t.ttl(JOB).await, -1);
    let expected = json!({
        "queue:timers": {format!("audit_log_created/{ID}"): "1800000002000"},
        "queue:attempts": {ID: "1"},
        "queue:in_flight": {"audit_log_created": "0"},
    });
    assert_eq!(structures(&t).await, expected);
    t.advance(Duration::from_secs(2));
    assert_eq!(t.claim_one().await.attempt, 2);
}

#[tokio::test]
async fn a_job_keeps_when_and_why_its_last_ten_failed_attempts_failed() {
    let t = Bench::new().await;
    t.enqueue(JobOptions { max_attempts: Some(25), ..JobOptions::default() }).await;
    for _ in 0..12 {
        let job = t.claim_one().await;
        t.settle(&job, retry(t.clock.now())).await;
        t.advance(Duration::from_secs(1));
    }
    let failed: Vec<Value> = document(&t).await["failures"].as_array().unwrap().clone();
    let first =
        json!({"attempt": 3, "at": START.0 + 2_000, "error": "the other side said no", "errorKind": "unavailable"});
    assert_eq!((failed.len(), &failed[0], &failed[9]["attempt"]), (10, &first, &json!(12)));

    // They are of this life: brought back, the job begins anew.
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Bury(failure(FailureKind::Rejected))).await;
    let letters = t.letters(std::slice::from_ref(&job.id)).await;
    assert_eq!(letters[0].document.failures.len(), 10);
    t.queue.redrive(&letters, &Change::default()).await.unwrap();
    assert_eq!(document(&t).await["failures"], Value::Null);
}

#[tokio::test]
async fn a_buried_job_is_a_dead_letter_for_seven_days() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let job = t.claim_one().await;

    t.settle(&job, Verdict::Bury(failure(FailureKind::Rejected))).await;

    assert_eq!(document(&t).await["status"], "dead_letter");
    let left = t.ttl(JOB).await;
    assert!((604_790_000..=604_800_000).contains(&left), "{left}");
    let expected = json!({
        "queue:timers": {format!("dead_letter/{ID}"): "1800604800000"},
        "queue:dead_letter": {ID: "1800000000000"},
        "queue:in_flight": {"audit_log_created": "0"},
    });
    assert_eq!(structures(&t).await, expected);
    let letters = t.queue.dead_letters(&LetterRange::default(), 10).await.unwrap().letters;
    assert_eq!((letters.len(), letters[0].died_at), (1, START));
}

#[tokio::test]
async fn a_released_job_is_first_again_and_has_cost_no_attempt() {
    let t = Bench::new().await;
    let ids = t.enqueue_many(3).await;
    let before = t.at("queue:audit_log_created").await;
    let claimed = t.claim(2).await;
    let release = |job| t.settlement(job, Verdict::Release(None));
    let verdicts: Vec<_> = claimed.jobs.iter().rev().map(release).collect();

    t.queue.settle(&verdicts).await.unwrap();

    assert_eq!(t.at("queue:audit_log_created").await, before);
    assert_eq!(t.at("queue:attempts").await, json!(null));
    let again = t.claim(1).await.jobs.remove(0);
    assert_eq!((&again.id, again.attempt), (&ids[0], 1));
}

#[tokio::test]
async fn a_job_released_until_later_waits_and_has_cost_no_attempt() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let job = t.claim_one().await;

    t.settle(&job, Verdict::Release(Some(START.plus(LEASE)))).await;

    assert!(t.claim(10).await.jobs.is_empty());
    t.advance(LEASE);
    assert_eq!(t.claim_one().await.attempt, 1);
}

#[tokio::test]
async fn an_entry_too_many_of_a_finished_job_is_forgotten() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Complete).await;
    let finished = document(&t).await;
    t.redis(&["RPUSH", &format!("{}queue:audit_log_created", t.prefix), ID]).await;
    let again = t.claim_one().await;

    t.settle(&again, Verdict::Forget).await;

    assert_eq!(document(&t).await, finished);
    assert!(t.ttl(JOB).await > 0);
    assert_eq!(structures(&t).await, json!({"queue:in_flight": {"audit_log_created": "0"}}));
}

#[tokio::test]
async fn a_zombie_that_settles_late_changes_nothing() {
    for verdict in
        [Verdict::Complete, retry(START), Verdict::Bury(failure(FailureKind::Rejected)), Verdict::Release(None)]
    {
        let t = Bench::new().await;
        t.enqueue(JobOptions::default()).await;
        let zombie = t.claim_one().await;
        t.advance(LEASE);
        let holder = t.claim_one().await;
        let before = t.state().await;

        assert_eq!(t.settle(&zombie, verdict.clone()).await, Settled::LeaseLost, "{verdict:?}");

        assert_eq!(t.state().await, before, "{verdict:?}");
        assert_eq!(t.settle(&holder, Verdict::Complete).await, Settled::Done);
    }
}

#[tokio::test]
async fn a_lease_that_went_back_to_the_queue_cannot_be_settled() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let zombie = t.claim_one().await;
    t.advance(LEASE);
    let mut other = t.request(1);
    other.types = vec![holdfast::domain::job::JobType::SendDisputeEmail];
    t.queue.claim(&other).await.unwrap();

    assert_eq!(t.settle(&zombie, Verdict::Complete).await, Settled::LeaseLost);
}

#[tokio::test]
async fn a_release_repeated_after_another_claim_does_not_take_its_job() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    let first = t.claim_one().await;
    t.settle(&first, Verdict::Release(None)).await;
    let second = t.claim_one().await;

    assert_eq!(t.settle(&first, Verdict::Release(None)).await, Settled::LeaseLost);

    assert_eq!(t.settle(&second, Verdict::Complete).await, Settled::Done);
}

#[tokio::test]
async fn many_verdicts_in_one_call_are_judged_one_by_one() {
    let t = Bench::new().await;
    t.enqueue_many(4).await;
    let jobs = t.claim(10).await.jobs;
    t.settle(&jobs[3], Verdict::Complete).await;
    let mut verdicts = vec![
        t.settlement(&jobs[0], Verdict::Complete),
        t.settlement(&jobs[1], retry(START.plus(LEASE))),
        t.settlement(&jobs[2], Verdict::Bury(failure(FailureKind::Rejected))),
    ];
    t.advance(Duration::from_millis(1));
    verdicts.push(t.settlement(&jobs[3], Verdict::Bury(failure(FailureKind::Rejected))));

    let settled = t.queue.settle(&verdicts).await.unwrap();

    assert_eq!(settled, [Settled::Done, Settled::Done, Settled::Done, Settled::LeaseLost]);
    let stats = t.queue.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.dead_letters, stats.in_flight.len()), (1, 1, 0));
}

#[tokio::test]
async fn a_dead_job_keeps_its_dedupe_key_so_that_redriving_is_the_way_back() {
    let t = Bench::new().await;
    let first = t.enqueue(dedupe("k")).await;
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Bury(failure(FailureKind::Rejected))).await;

    assert_eq!(t.enqueue(dedupe("k")).await.id(), first.id());
}
