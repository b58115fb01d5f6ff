//! Each fault, as a caller meets it, and what it leaves in Redis.

use devkit::rest::Fault;
use serde_json::json;

use super::bench::Bench;

#[tokio::test]
async fn a_refused_request_has_not_run() {
    let bench = Bench::new().await;
    let key = bench.key("n");
    bench.faults().next(Fault::Refused);

    let refused = bench.attempt(json!(["INCR", key])).await;

    assert!(refused.is_err());
    assert_eq!(bench.run(json!(["GET", key])).await, json!(null));
}

#[tokio::test]
async fn a_lost_reply_has_run() {
    let bench = Bench::new().await;
    let key = bench.key("n");
    bench.faults().next(Fault::ReplyLost);

    let lost = bench.attempt(json!(["INCR", key])).await;

    assert!(lost.is_err());
    assert_eq!(bench.run(json!(["GET", key])).await, "1");
}
