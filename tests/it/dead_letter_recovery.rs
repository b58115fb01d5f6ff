//! Recovery: dead letters of a retryable kind come back by themselves, until too many of them die again.

use std::time::Duration;

use holdfast::domain::control::{Rule, Scope};
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::{FailureKind, Outcome};
use holdfast::domain::recovery;
use holdfast::processor::{BatchReport, BatchRequest, Processor, TimeBox};
use holdfast::queue::{Change, Changed, Verdict};
use serde_json::json;

use crate::bench::{ANY, Bench, LEASE, START, failure};

const WEEK: Duration = Duration::from_hours(7 * 24);

async fn process(t: &Bench, outcome: Outcome) -> BatchReport {
    let processor = Processor::new(t.queue.clone(), t.dice.clone());
    let time_box = TimeBox::of(Duration::from_secs(50));
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 10, time_box, until_empty: true };
    let run = move |_, _, _| {
        let outcome = outcome.clone();
        async move { outcome }
    };
    processor.process_batch(&request, run).await.unwrap()
}

/// Makes one dead letter and returns its id and when it comes back.
async fn dead(t: &Bench) -> (JobId, Duration) {
    let id = t.bury(1, FailureKind::Unavailable).await.remove(0);
    let wait = recovery::wait(0, &id).unwrap();
    (id, wait)
}

#[tokio::test]
async fn a_dead_letter_of_a_retryable_kind_comes_back_once_its_time_has_come() {
    let t = Bench::new().await;
    let (id, wait) = dead(&t).await;
    assert_eq!(t.at("queue:timers").await, json!({format!("dead_letter/{id}"): START.plus(wait).to_string()}));
    assert_eq!(t.document(&id).await["runAt"], json!(START.plus(wait)));
    t.advance(wait.checked_sub(Duration::from_millis(2)).unwrap());
    assert_eq!(process(&t, Outcome::Completed).await.all.completed, 0);

    t.advance(Duration::from_millis(2));
    assert_eq!(process(&t, Outcome::Completed).await.all.completed, 1);

    let document = t.document(&id).await;
    assert_eq!((&document["status"], &document["recoveries"]), (&json!("completed"), &json!(1)));
    assert_eq!(document["history"][0]["errorKind"], "unavailable");
    assert_eq!(t.at("stats:counters").await["audit_log_created:recovered"], "1");
    assert_eq!((t.at("queue:timers").await, t.at("queue:dead_letter").await), (json!(null), json!(null)));
}

#[tokio::test]
async fn a_final_kind_stays_dead_to_its_end() {
    let t = Bench::new().await;
    let id = t.bury(1, FailureKind::Rejected).await.remove(0);
    t.advance(Duration::from_hours(24));
    assert_eq!(process(&t, Outcome::Completed).await.all.completed, 0);
    assert_eq!(t.at("queue:timers").await, json!({format!("dead_letter/{id}"): START.plus(WEEK).to_string()}));
}

#[tokio::test]
async fn it_comes_back_four_times_and_then_stays_dead() {
    let t = Bench::new().await;
    let (id, _) = dead(&t).await;
    let gone = Outcome::Failed(failure(FailureKind::Unavailable));
    for n in 0..4 {
        t.advance(recovery::wait(n, &id).unwrap());
        for _ in 0..3 {
            process(&t, gone.clone()).await;
            t.advance(Duration::from_secs(8));
        }
        assert_eq!(t.document(&id).await["recoveries"], json!(n + 1));
    }
    let timers = t.at("queue:timers").await;
    let document = t.document(&id).await;
    let died_at = document["completedAt"].as_i64().unwrap();
    assert_eq!(timers, json!({format!("dead_letter/{id}"): (died_at + 7 * 86_400_000).to_string()}));
    assert_eq!((&document["runAt"], document["history"].as_array().unwrap().len()), (&json!(null), 4));
}

#[tokio::test]
async fn a_processor_killed_before_it_brings_them_back_leaves_them_to_the_next() {
    let t = Bench::new().await;
    let (id, wait) = dead(&t).await;
    t.advance(wait);
    let claimed = t.claim(10).await;
    assert_eq!((claimed.coming_back, claimed.jobs.len()), (vec![id], 0));
    assert!(t.claim(10).await.coming_back.is_empty());

    t.advance(LEASE);

    assert_eq!(process(&t, Outcome::Completed).await.all.completed, 1);
}

#[tokio::test]
async fn an_operator_and_the_recovery_at_once_bring_it_back_once() {
    for _ in 0..20 {
        let t = Bench::new().await;
        let (id, wait) = dead(&t).await;
        t.advance(wait);
        let coming_back = t.claim(10).await.coming_back;
        let letters = t.letters(std::slice::from_ref(&id)).await;
        let change = Change::default();

        let (recovered, redriven) =
            tokio::join!(t.queue.recover(&coming_back, t.clock.now()), t.queue.redrive(&letters, &change));

        let back = recovered.unwrap().back.len() + usize::from(redriven.unwrap()[0] == Changed::Done);
        assert!(back >= 1);
        assert_eq!(t.claim(10).await.jobs.len(), 1);
    }
}

#[tokio::test]
async fn what_was_thrown_away_or_has_expired_does_not_come_back() {
    let t = Bench::new().await;
    let (id, wait) = dead(&t).await;
    let (other, _) = dead(&t).await;
    t.queue.discard(&t.letters(std::slice::from_ref(&id)).await, &Change::default()).await.unwrap();
    t.advance(wait);
    assert!(!t.claim(10).await.coming_back.contains(&id));
    t.advance(WEEK);
    assert!(t.claim(10).await.coming_back.is_empty());
    assert!(t.queue.recover(&[id, other], t.clock.now()).await.unwrap().back.is_empty());
    assert_eq!((t.at("queue:timers").await, t.at("queue:dead_letter").await), (json!(null), json!(null)));
}

#[tokio::test]
async fn switched_off_it_waits_and_comes_back_within_the_hour_once_it_is_on() {
    let t = Bench::new().await;
    let (id, wait) = dead(&t).await;
    t.queue.set_rules(&[Rule::Recovery(Scope::Type(ANY), false)], &t.recorder()).await.unwrap();
    t.advance(wait);
    process(&t, Outcome::Completed).await;
    assert_eq!(t.document(&id).await["status"], "dead_letter");
    t.queue.set_rules(&[Rule::Recovery(Scope::Type(ANY), true)], &t.recorder()).await.unwrap();

    t.advance(Duration::from_hours(1));
    process(&t, Outcome::Completed).await;

    assert_eq!(t.document(&id).await["status"], "completed");
}

#[tokio::test]
async fn after_five_recovered_deaths_in_a_row_the_type_stops_until_one_is_completed() {
    let t = Bench::new().await;
    let mut dead = t.bury(7, FailureKind::Unavailable).await;
    dead.sort_by_key(|id| recovery::wait(0, id));
    let again = Outcome::Failed(failure(FailureKind::Rejected));
    // One after the other they come back and die again.
    for id in &dead {
        let due = START.plus(recovery::wait(0, id).unwrap() + Duration::from_millis(8));
        t.advance(due.since(t.clock.now()));
        process(&t, again.clone()).await;
    }
    let view = t.queue.control().await.unwrap();
    assert_eq!(view.died_again[&ANY], 5);
    assert_eq!(t.document(&dead[6]).await.get("recoveries"), None);

    let id = t.enqueue(JobOptions::default()).await.id().clone();
    process(&t, Outcome::Completed).await;
    assert_eq!(t.document(&id).await["status"], "completed");
    assert!(t.queue.control().await.unwrap().died_again.is_empty());
    t.advance(Duration::from_hours(1));
    process(&t, Outcome::Completed).await;

    assert_eq!(t.document(&dead[6]).await["status"], "completed");
}

#[tokio::test]
async fn a_redrive_by_hand_lets_recoveries_count_from_nothing() {
    let t = Bench::new().await;
    let (id, wait) = dead(&t).await;
    t.advance(wait);
    process(&t, Outcome::Failed(failure(FailureKind::Rejected))).await;
    assert_eq!(t.document(&id).await["recoveries"], 1);
    t.queue.redrive(&t.letters(std::slice::from_ref(&id)).await, &Change::default()).await.unwrap();
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Bury(failure(FailureKind::Timeout))).await;
    assert_eq!(t.document(&id).await.get("recoveries"), None);
    assert_eq!(t.queue.stats().await.unwrap().waiting, 0);
}
