//! How the store is, and when a processor was last at work.

use std::time::Duration;

use holdfast::domain::alert::Limits;
use holdfast::domain::millis::Millis;
use holdfast::queue::Verdict;

use crate::bench::{Bench, START};

const LIMITS: Limits = Limits { dead_letters: 2, oldest_due: Duration::from_mins(5) };

#[tokio::test]
async fn a_probe_tells_how_the_store_is_and_leaves_nothing_behind() {
    let t = Bench::new().await;
    let probe = t.queue.probe().await.unwrap();
    assert_eq!((probe.now, probe.keeps, probe.last_run), (START, true, None));
    // The stand-in for Redis does not tell.
    assert!(probe.policy.is_none_or(|policy| policy == "noeviction"));
    assert!(t.state().await.is_empty());
}

#[tokio::test]
async fn a_processor_is_seen_by_its_look_at_alerts_and_by_the_batches_it_settles() {
    let t = Bench::new().await;
    t.queue.due_alerts(&LIMITS).await.unwrap();
    t.advance(Duration::from_secs(5));
    assert_eq!(t.queue.probe().await.unwrap().last_run, Some(START));

    t.advance(Duration::from_mins(2));
    t.enqueue_many(1).await;
    let job = t.claim_one().await;
    t.settle(&job, Verdict::Complete).await;

    let now = t.clock.now();
    let minute = Millis(now.0 / 60_000 * 60_000);
    assert_eq!(t.queue.probe().await.unwrap().last_run, Some(minute));
}
