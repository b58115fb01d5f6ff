//! Ten thousand dead letters.

use std::time::Instant;

use holdfast::domain::id::JobId;
use holdfast::domain::job::JobType;
use serde_json::json;

use crate::bench::{AUDIT, Bench, rejected};

#[tokio::test]
async fn ten_thousand_are_redriven_in_steps_of_a_hundred_with_progress() {
    let t = Bench::new().await;
    for batch in 0..10 {
        let ids = (0..1_000).map(|n| JobId::parse(format!("job-{batch}-{n:03}")).unwrap());
        t.plant_all(&ids.collect::<Vec<_>>(), JobType::AuditLogCreated, AUDIT).await;
    }
    t.bury_all(&rejected()).await;
    assert_eq!(t.redis(&["ZCARD", &format!("{}queue:dead_letter", t.prefix)]).await, json!(10_000));
    let (calls, started) = (t.rest.calls(), Instant::now());

    let ran = t.run(&["dead-letter", "redrive", "--all"]).await;

    let took = started.elapsed();
    println!("10,000 dead letters redriven in {took:?} and {} calls", t.rest.calls() - calls);
    assert!(ran.text().starts_with("redriven 10,000 dead letters in 100 steps and "), "{ran:?}");
    let progress: Vec<String> = (1..=10).map(|n| format!("redriven {n},000 of 10,000\n")).collect();
    assert_eq!(ran.err, progress.concat());
    // Each step is a read and a change; before them a look at how many there are. A script is sent whole once.
    assert!((201..=210).contains(&(t.rest.calls() - calls)), "{} calls", t.rest.calls() - calls);
    // A hundred audit records, one a step, are among them.
    assert_eq!(t.redis(&["LLEN", &format!("{}queue:audit_log_created", t.prefix)]).await, json!(10_100));
    assert_eq!(t.redis(&["EXISTS", &format!("{}queue:dead_letter", t.prefix)]).await, json!(0));
}
