//! Several processors at once: crons double and overlap.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use devkit::rest::Fault;
use holdfast::domain::id::JobId;
use holdfast::domain::job::{JobDocument, JobType};
use holdfast::domain::outcome::Outcome;
use holdfast::processor::{BatchRequest, Processor, TimeBox};

use crate::bench::Bench;

type Runs = Arc<Mutex<BTreeMap<JobId, u32>>>;

async fn process(t: &Bench, runs: &Runs) -> u64 {
    let processor = Processor::new(t.queue.clone(), t.dice.clone());
    let time_box = TimeBox::of(Duration::from_secs(50));
    let request = BatchRequest { types: JobType::ALL.to_vec(), limit: 50, time_box, until_empty: true };
    let runs = Arc::clone(runs);
    let report = processor
        .process_batch(&request, move |_, document: JobDocument, _| {
            let runs = Arc::clone(&runs);
            async move {
                *runs.lock().unwrap().entry(document.id).or_default() += 1;
                tokio::task::yield_now().await;
                Outcome::Completed
            }
        })
        .await;
    report.unwrap().all.completed
}

#[tokio::test]
async fn two_processors_over_a_thousand_jobs_run_each_once() {
    let t = Bench::new().await;
    t.enqueue_many(1_000).await;
    let runs = Runs::default();

    let (first, second) = tokio::join!(process(&t, &runs), process(&t, &runs));

    assert_eq!(first + second, 1_000);
    assert!(first > 0 && second > 0, "both took part: {first} and {second}");
    assert!(runs.lock().unwrap().len() == 1_000 && runs.lock().unwrap().values().all(|runs| *runs == 1));
}

#[tokio::test]
async fn five_processors_of_which_some_lose_answers_run_each_job_once() {
    let t = Bench::new().await;
    t.enqueue_many(1_000).await;
    let runs = Runs::default();
    // Two, since a call that loses three answers is given up.
    t.rest.faults().at(4, Fault::ReplyLost);
    t.rest.faults().at(12, Fault::ReplyCut);

    let done = tokio::join!(
        process(&t, &runs),
        process(&t, &runs),
        process(&t, &runs),
        process(&t, &runs),
        process(&t, &runs)
    );

    assert_eq!(done.0 + done.1 + done.2 + done.3 + done.4, 1_000);
    assert!(runs.lock().unwrap().len() == 1_000 && runs.lock().unwrap().values().all(|runs| *runs == 1));
}
