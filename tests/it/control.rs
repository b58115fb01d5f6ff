//! Pause and limits: they hold from the next claim on, cost no attempt, and no processor spins on what they hold back.

use std::sync::Arc;
use std::time::Duration;

use holdfast::domain::control::{Rate, Rule, Scope};
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::{FailureKind, Outcome};
use holdfast::processor::{BatchRequest, Processor, TimeBox};
use holdfast::queue::{MaxAttemptsSet, Verdict};
use serde_json::json;

use crate::bench::{ANY, Bench, LEASE, START, delayed, failure};

const MAIL: &str = r#"{"transactionId":"e","recipientEmail":"a@b"}"#;
const SECOND: Duration = Duration::from_secs(1);

/// Sets rules; the audit record goes to a prefix-less place of its own type, so it is taken out of the queue at once.
async fn set(t: &Bench, rules: &[Rule]) {
    t.queue.set_rules(rules, &t.recorder()).await.unwrap();
    t.redis(&["RPOP", &format!("{}queue:{ANY}", t.prefix)]).await;
}

fn rate(jobs: u32, period: Duration) -> Rule {
    Rule::Rate(ANY, Some(Rate::new(jobs, period).unwrap()))
}

#[tokio::test]
async fn a_paused_type_waits_without_an_attempt_while_others_go_on() {
    let t = Bench::new().await;
    let ids = t.enqueue_many(2).await;
    let mail = t.job(JobType::SendDisputeEmail, MAIL, JobOptions::default());
    t.queue.enqueue(&[mail]).await.unwrap();
    set(&t, &[Rule::Paused(Scope::Type(ANY), true)]).await;

    let claimed = t.claim(10).await;

    let types: Vec<_> = claimed.jobs.iter().map(|job| job.job_type).collect();
    assert_eq!((types, claimed.more), (vec![JobType::SendDisputeEmail], false));
    assert_eq!(t.at("queue:audit_log_created").await, json!(ids));
    set(&t, &[Rule::Paused(Scope::Type(ANY), false)]).await;
    let attempts: Vec<_> = t.claim(10).await.jobs.iter().map(|job| job.attempt).collect();
    assert_eq!(attempts, [1, 1]);
}

#[tokio::test]
async fn with_all_paused_nothing_is_claimed_and_due_jobs_still_join_their_queues() {
    let t = Bench::new().await;
    t.enqueue(delayed(SECOND)).await;
    set(&t, &[Rule::Paused(Scope::All, true)]).await;
    t.advance(SECOND);

    let claimed = t.claim(10).await;

    assert_eq!((claimed.jobs.len(), claimed.more), (0, false));
    set(&t, &[Rule::Paused(Scope::All, false)]).await;
    assert_eq!(t.claim(10).await.jobs.len(), 1);
}

#[tokio::test]
async fn a_processor_does_not_spin_on_what_is_held_back() {
    let t = Bench::new().await;
    t.enqueue_many(30).await;
    for rules in [vec![Rule::Paused(Scope::All, true)], vec![Rule::Paused(Scope::All, false), rate(5, SECOND)]] {
        set(&t, &rules).await;
        let processor = Processor::new(t.queue.clone(), t.dice.clone());
        let time_box = TimeBox::of(Duration::from_secs(50));
        let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 10, time_box, until_empty: true };
        let calls = t.rest.calls();

        let report = processor.process_batch(&request, |_, _, _| async { Outcome::Completed }).await.unwrap();

        assert!(!report.more, "{rules:?}");
        assert!(t.rest.calls() - calls <= 4, "{rules:?}: {} calls", t.rest.calls() - calls);
    }
}

#[tokio::test]
async fn no_period_sees_more_jobs_than_the_rate_allows() {
    let t = Bench::new().await;
    t.enqueue_many(20).await;
    set(&t, &[rate(5, SECOND)]).await;
    assert_eq!(t.claim(3).await.jobs.len(), 3);
    t.advance(SECOND / 2);
    assert_eq!(t.claim(10).await.jobs.len(), 2);
    assert_eq!(t.claim(10).await.jobs.len(), 0);

    // A second after the first three, these are forgotten and the two are not.
    t.advance(SECOND / 2);
    assert_eq!(t.claim(10).await.jobs.len(), 3);
    t.advance(SECOND / 2);
    assert_eq!(t.claim(10).await.jobs.len(), 2);
}

#[tokio::test]
async fn eight_processors_at_once_hold_the_rate_exactly_over_random_schedules() {
    const JOBS: usize = 120;
    for seed in 0_u64..6 {
        let t = Arc::new(Bench::new().await);
        t.enqueue_many(JOBS).await;
        let (limit, period_ms) = (3 + seed, 400 + 150 * seed);
        set(&t, &[rate(u32::try_from(limit).unwrap(), Duration::from_millis(period_ms))]).await;
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut roll = move |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let mut starts: Vec<i64> = Vec::new();
        while starts.len() < JOBS {
            let now = t.clock.now().0;
            let claims = (0..8).map(|_| {
                let (t, limit) = (Arc::clone(&t), u32::try_from(1 + roll(5)).unwrap());
                tokio::spawn(async move { t.claim(limit).await.jobs.len() })
            });
            for claim in claims.collect::<Vec<_>>() {
                starts.extend(std::iter::repeat_n(now, claim.await.unwrap()));
            }
            t.advance(Duration::from_millis(roll(period_ms)));
        }
        for (n, at) in starts.iter().enumerate() {
            let period = i64::try_from(period_ms).unwrap();
            let within = starts[n..].iter().take_while(|later| **later < at + period).count();
            assert!(within <= usize::try_from(limit).unwrap(), "{within} of {limit} in {period_ms} ms from {at}");
        }
        // Not merely never more, but as much as may be: what was free in each window was used.
        let (first, last) = (starts[0], starts[JOBS - 1]);
        let windows = u64::try_from(last - first).unwrap() / period_ms + 1;
        assert!(windows * limit * 2 >= JOBS as u64, "{windows} windows of {limit}");
    }
}

#[tokio::test]
async fn no_more_than_the_limit_are_held_at_once_and_a_lapsed_lease_makes_room() {
    let t = Bench::new().await;
    t.enqueue_many(6).await;
    set(&t, &[Rule::Concurrency(ANY, Some(2))]).await;
    let held = t.claim(10).await;
    assert_eq!((held.jobs.len(), held.more), (2, false));
    assert_eq!(t.claim(10).await.jobs.len(), 0);

    t.settle(&held.jobs[0], Verdict::Complete).await;
    assert_eq!(t.claim(10).await.jobs.len(), 1);
    t.advance(LEASE);
    assert_eq!(t.claim(10).await.jobs.len(), 2);
}

#[tokio::test]
async fn a_limited_claim_repeated_after_a_lost_answer_counts_once() {
    let t = Bench::new().await;
    t.enqueue_many(10).await;
    set(&t, &[rate(4, SECOND)]).await;
    assert_eq!(t.claim(1).await.jobs.len(), 1);
    t.fault(devkit::rest::Fault::ReplyLost);

    assert_eq!(t.claim(2).await.jobs.len(), 2);

    assert_eq!(t.claim(10).await.jobs.len(), 1);
}

#[tokio::test]
async fn a_live_job_gets_another_number_of_attempts_unless_it_is_worked_on() {
    let t = Bench::new().await;
    let id = t.enqueue(JobOptions::default()).await.id().clone();
    let set = async |attempts| t.queue.set_max_attempts(&id, attempts, &t.recorder()).await.unwrap();
    let held = t.claim_one().await;
    assert_eq!(set(5).await, MaxAttemptsSet::Processing);
    t.settle(&held, Verdict::Retry { failure: failure(FailureKind::Timeout), at: START.plus(LEASE) }).await;

    assert_eq!(set(5).await, MaxAttemptsSet::Done);

    let document = t.document(&id).await;
    assert_eq!((&document["maxAttempts"], &document["status"]), (&json!(5), &json!("failed")));
    t.advance(LEASE);
    let jobs = t.claim(10).await.jobs;
    let again = jobs.iter().find(|job| job.id == id).unwrap();
    assert_eq!((again.attempt, again.document.as_ref().unwrap().max_attempts), (2, 5));
    t.settle(again, Verdict::Complete).await;
    assert!(matches!(set(6).await, MaxAttemptsSet::Over(_)));
}

#[tokio::test]
async fn delayed_jobs_are_listed_by_their_time_without_leases_and_dead_letters() {
    let t = Bench::new().await;
    t.bury(1, FailureKind::Rejected).await;
    t.enqueue_many(1).await;
    t.claim_one().await;
    let mut expected = Vec::new();
    for seconds in 1..=5 {
        expected.push(t.enqueue(delayed(SECOND * seconds)).await.id().clone());
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = t.queue.delayed(after.as_ref(), 2).await.unwrap();
        listed.extend(page.jobs.into_iter().map(|job| job.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, expected);
}
