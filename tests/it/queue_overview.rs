//! `overview`: how the queue is doing, and what happened lately.

use std::time::Duration;

use holdfast::domain::job::{JobOptions, JobType};
use holdfast::domain::outcome::FailureKind;
use holdfast::queue::{Events, Overview, Span, Verdict};

use crate::bench::{ANY, Bench, failure};

const HOUR: Span = Span { slots: 60, slot_minutes: 1 };

async fn overview(t: &Bench, span: Span) -> Overview {
    t.queue.overview(span).await.unwrap()
}

/// Enqueues a job and ends its claim, as a processor would: waited and ran for so long.
async fn process(t: &Bench, waited: Duration, ran: Duration, verdict: Verdict) {
    t.enqueue(JobOptions::default()).await;
    t.advance(waited);
    let job = t.claim_one().await;
    let now = t.clock.now();
    let settlement = t.settlement(&job, verdict).measured(&job, now, Some(ran), now);
    t.queue.settle(&[settlement]).await.unwrap();
}

#[tokio::test]
async fn what_happened_is_in_the_slot_of_its_minute() {
    let t = Bench::new().await;
    process(&t, Duration::ZERO, Duration::from_millis(30), Verdict::Complete).await;
    process(&t, Duration::from_millis(40), Duration::from_millis(3), Verdict::Bury(failure(FailureKind::Rejected)))
        .await;
    t.advance(Duration::from_mins(3));
    let at = t.clock.now();
    process(&t, Duration::ZERO, Duration::ZERO, Verdict::Retry { failure: failure(FailureKind::Timeout), at }).await;

    let minutes = overview(&t, HOUR).await.minutes;

    let (before, last) = (&minutes.slots[56], &minutes.slots[59]);
    assert_eq!(before.events, Events { completed: 1, retried: 0, dead: 1 });
    assert_eq!(last.events, Events { completed: 0, retried: 1, dead: 0 });
    assert_eq!((before.ran[3], before.ran[0], before.waited[0], before.waited[3]), (1, 1, 1, 1));
    assert_eq!(minutes.types[&ANY], Events { completed: 1, retried: 1, dead: 1 });
    let begun = t.clock.now().0 - 40;
    assert_eq!((minutes.begins(59).0, minutes.begins(56).0), (begun, begun - 3 * 60_000));
    let others: u64 = minutes.slots.iter().map(|slot| slot.events.completed + slot.events.dead).sum();
    assert_eq!(others, 2);
}

#[tokio::test]
async fn longer_slots_add_up_their_minutes_and_what_is_older_is_left_out() {
    let t = Bench::new().await;
    for _ in 0..5 {
        process(&t, Duration::ZERO, Duration::ZERO, Verdict::Complete).await;
        t.advance(Duration::from_hours(5));
    }
    let minutes = overview(&t, Span { slots: 96, slot_minutes: 15 }).await.minutes;
    // 25 hours, 20, 15, 10 and 5 hours ago.
    let done: Vec<usize> = (0..96).filter(|slot| minutes.slots[*slot].events.completed == 1).collect();
    assert_eq!(done, [15, 35, 55, 75]);
    assert_eq!(minutes.types[&ANY].completed, 4);
}

#[tokio::test]
async fn each_queue_tells_the_age_of_its_first_job() {
    let t = Bench::new().await;
    t.enqueue(JobOptions::default()).await;
    t.advance(Duration::from_secs(40));
    let refund = r#"{"transactionId":"e","recipientEmail":"a@b"}"#;
    t.queue.enqueue(&[t.job(JobType::SendRefundEmail, refund, JobOptions::default())]).await.unwrap();
    t.advance(Duration::from_secs(20));

    let overview = overview(&t, HOUR).await;

    let ages = [(JobType::SendRefundEmail, Duration::from_secs(20)), (ANY, Duration::from_mins(1))];
    assert_eq!((overview.oldest_by_type, overview.oldest_due.age), (ages.into(), Some(Duration::from_mins(1))));
    assert_eq!(overview.stats.ready[&ANY], 1);
}

#[tokio::test]
async fn an_empty_store_has_an_overview_in_one_call() {
    let t = Bench::new().await;
    overview(&t, HOUR).await;
    let before = t.rest.calls();

    let overview = overview(&t, HOUR).await;

    assert_eq!(t.rest.calls() - before, 1);
    assert!(overview.minutes.slots.iter().all(|slot| *slot == holdfast::queue::Slot::default()));
    assert!(overview.oldest_by_type.is_empty() && overview.oldest_due.age.is_none());
}
