//! The sandbox misbehaving, and what it did meanwhile.

use std::time::Duration;

use devkit::fault::Fault;
use serde_json::{Value, json};

use crate::stripe_bench::{Bench, reply};

#[tokio::test]
async fn refusals_on_request_do_nothing() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    let capture = format!("/v1/payment_intents/{id}/capture");
    let faults = bench.stripe.faults();
    faults.next(1, Fault::RateLimited { retry_after_secs: 7 });
    faults.next(1, Fault::Status { status: 503 });
    faults.next(1, Fault::Status { status: 409 });
    faults.next(1, Fault::BadGateway);

    let limited = bench.post(&capture, &[]).await;
    let down = bench.post(&capture, &[]).await;
    let locked = bench.post(&capture, &[]).await;
    let proxy = bench.post(&capture, &[]).await;

    assert_eq!(
        (limited.status, &limited.headers["retry-after"], &limited.body["error"]["code"]),
        (429, &"7".parse().unwrap(), &json!("rate_limit"))
    );
    assert_eq!((down.status, &down.body["error"]["type"]), (503, &json!("api_error")));
    assert_eq!((locked.status, &locked.body["error"]["code"]), (409, &json!("lock_timeout")));
    assert_eq!(proxy.status, 502);
    assert!(matches!(&proxy.body, Value::String(html) if html.contains("<h1>502 Bad Gateway</h1>")));
    assert_eq!(bench.stripe.ledger_of(&id).captures, 0);
    assert_eq!(faults.pending(), []);
}

#[tokio::test]
async fn a_fault_for_one_path_leaves_the_others_alone() {
    let bench = Bench::new().await;
    bench.stripe.faults().next_on("/refunds", 1, Fault::Status { status: 500 });

    let id = bench.captured("pm_card_visa").await;
    let refund = bench.post("/v1/refunds", &[("payment_intent", &id)]).await;

    assert_eq!(refund.status, 500);
}

#[tokio::test]
async fn a_connection_closed_before_the_work_leaves_the_money_where_it_was() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    let capture = format!("/v1/payment_intents/{id}/capture");
    bench.stripe.faults().next(1, Fault::Closed);

    let broken = bench.try_with_key("k", &capture, &[]).await;

    assert!(broken.is_err_and(|error| error.is_request()), "no answer is a failed request");
    assert_eq!(bench.stripe.ledger_of(&id).captures, 0);
    assert_eq!(bench.post_with_key("k", &capture, &[]).await.status, 200);
}

#[tokio::test]
async fn a_lost_answer_is_found_again_under_its_key() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    let capture = format!("/v1/payment_intents/{id}/capture");
    bench.stripe.faults().next(1, Fault::AnswerLost);

    let lost = bench.try_with_key("k", &capture, &[]).await;
    let again = bench.post_with_key("k", &capture, &[]).await;

    assert!(lost.is_err());
    assert_eq!((again.status, &again.body["status"]), (200, &json!("succeeded")));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(bench.stripe.ledger_of(&id).captures, 1);
    let statuses: Vec<_> = bench.stripe.calls().iter().skip(1).map(|call| (call.status, call.replayed)).collect();
    assert_eq!(statuses, [(None, false), (Some(200), true)]);
}

#[tokio::test]
async fn an_answer_cut_has_its_status_but_not_its_end() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    bench.stripe.faults().next(1, Fault::AnswerCut);

    let response = bench.request("POST", &format!("/v1/payment_intents/{id}/capture")).send().await.unwrap();

    assert_eq!(response.status().as_u16(), 200);
    assert!(response.bytes().await.is_err());
    assert_eq!(bench.stripe.ledger_of(&id).captures, 1);
}

#[tokio::test]
async fn a_call_that_hangs_does_nothing() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    bench.stripe.faults().next(1, Fault::Hang);

    let request =
        bench.request("POST", &format!("/v1/payment_intents/{id}/capture")).timeout(Duration::from_millis(100));
    let hung = request.send().await;

    assert!(hung.is_err_and(|error| error.is_timeout()));
    assert_eq!(bench.stripe.ledger_of(&id).captures, 0);
}

#[tokio::test]
async fn a_slow_call_is_finished_though_its_caller_hung_up() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    let path = format!("/v1/payment_intents/{id}/capture");
    bench.stripe.faults().next(1, Fault::Slow { ms: 200 });

    let request = bench.request("POST", &path).header("idempotency-key", "k").timeout(Duration::from_millis(50));
    let impatient = request.send().await;
    while bench.stripe.ledger_of(&id).captures == 0 {
        tokio::task::yield_now().await;
    }
    let later = bench.post_with_key("k", &path, &[]).await;

    assert!(impatient.is_err_and(|error| error.is_timeout()));
    assert_eq!(later.headers["idempotent-replayed"], "true");
    assert_eq!(bench.stripe.ledger_of(&id).captures, 1);
}

#[tokio::test]
async fn the_server_goes_on_after_a_connection_was_closed() {
    let bench = Bench::new().await;
    bench.stripe.faults().next(3, Fault::Closed);

    for _ in 0..3 {
        assert!(bench.request("GET", "/v1/events").send().await.is_err());
    }

    assert_eq!(reply(bench.request("GET", "/v1/events").send().await.unwrap()).await.status, 200);
}
