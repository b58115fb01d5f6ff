//! A processor that is told to stop: what runs may end, what has not started costs no attempt.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast::domain::job::JobType;
use holdfast::domain::outcome::Outcome;
use holdfast::processor::{BatchReport, BatchRequest, Handler, Processor, Stop, Stopper, TimeBox};
use serde_json::Value;

use crate::bench::Bench;

async fn process(t: &Bench, stop: Stop, handler: impl Handler) -> BatchReport {
    let processor = Processor::new(t.queue.clone(), t.dice.clone()).stopped_by(stop);
    let time_box = TimeBox::to_the_last_handler(Duration::from_secs(50));
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 100, time_box, until_empty: true };
    processor.process_batch(&request, handler).await.unwrap()
}

#[tokio::test]
async fn what_runs_ends_and_what_has_not_started_is_given_back_without_cost() {
    let t = Bench::new().await;
    t.enqueue_many(200).await;
    let (stopper, stop) = Stopper::new();
    let begun = Arc::new(AtomicU32::new(0));
    let handler = {
        let (stopper, begun) = (Arc::new(Mutex::new(Some(stopper))), Arc::clone(&begun));
        move |_, _, _| {
            begun.fetch_add(1, Ordering::SeqCst);
            if let Some(stopper) = stopper.lock().unwrap().take() {
                stopper.drain(Duration::from_secs(10));
            }
            async { Outcome::Completed }
        }
    };

    let report = process(&t, stop, handler).await;

    let begun = u64::from(begun.load(Ordering::SeqCst));
    assert!(begun < 100, "{begun}");
    assert_eq!((report.all.completed, report.all.released, report.more), (begun, 100 - begun, true));
    assert_eq!(t.queue.stats().await.unwrap().ready.values().sum::<u64>(), 200 - begun);
    assert_eq!(t.at("queue:attempts").await, Value::Null);
    assert_eq!(t.at("queue:in_flight").await["audit_log_created"], "0");
}

#[tokio::test]
async fn what_does_not_end_in_its_grace_is_cancelled_and_tried_again() {
    let t = Bench::new().await;
    t.enqueue_many(40).await;
    let (stopper, stop) = Stopper::new();
    let stopper = Arc::new(Mutex::new(Some(stopper)));

    let report = process(&t, stop, move |_, _, _| {
        if let Some(stopper) = stopper.lock().unwrap().take() {
            stopper.drain(Duration::ZERO);
        }
        std::future::pending()
    })
    .await;

    assert!(report.all.retried >= 1 && report.all.released >= 8, "{report:?}");
    assert_eq!(report.all.retried + report.all.released, 40);
}

#[tokio::test]
async fn one_that_was_told_before_claims_nothing() {
    let t = Bench::new().await;
    t.enqueue_many(3).await;
    let (stopper, stop) = Stopper::new();
    stopper.drain(Duration::from_secs(10));
    let calls = t.rest.calls();

    let report = process(&t, stop, async |_, _, _| Outcome::Completed).await;

    assert_eq!((report, t.rest.calls()), (BatchReport::default(), calls));
}
