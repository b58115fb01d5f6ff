//! What an idempotency key keeps, and what it does not.

use devkit::fault::Fault;
use serde_json::json;

use crate::stripe_bench::{Bench, CARD, text};

#[tokio::test]
async fn a_key_belongs_to_one_path() {
    let bench = Bench::new().await;
    let (one, other) = (bench.held("pm_card_visa").await, bench.held("pm_card_visa").await);
    bench.post_with_key("k", &format!("/v1/payment_intents/{one}/capture"), &[]).await;

    let misused = bench.post_with_key("k", &format!("/v1/payment_intents/{other}/capture"), &[]).await;

    assert_eq!((misused.status, &misused.body["error"]["type"]), (400, &json!("idempotency_error")));
    assert!(text(&misused.body["error"]["message"]).contains("same endpoint"));
}

#[tokio::test]
async fn parameters_in_another_order_are_the_same() {
    let bench = Bench::new().await;
    let form = [("amount", "500"), ("currency", "usd"), ("metadata[a]", "1"), CARD[0]];
    let turned: Vec<_> = form.iter().rev().copied().collect();

    let (first, second) = (
        bench.post_with_key("k", "/v1/payment_intents", &form).await,
        bench.post_with_key("k", "/v1/payment_intents", &turned).await,
    );

    assert_eq!(first.body, second.body);
    assert_eq!(bench.stripe.ledger().len(), 1);
}

#[tokio::test]
async fn a_key_whose_call_is_running_is_in_use() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    let capture = format!("/v1/payment_intents/{id}/capture");
    bench.stripe.faults().next(1, Fault::Slow { ms: 300 });

    let (slow, meanwhile) = tokio::join!(bench.post_with_key("k", &capture, &[]), async {
        // The slow call is under way once the sandbox has written it down.
        while bench.stripe.calls().len() < 2 {
            tokio::task::yield_now().await;
        }
        bench.post_with_key("k", &capture, &[]).await
    });

    assert_eq!(slow.status, 200);
    assert_eq!((meanwhile.status, &meanwhile.body["error"]["code"]), (409, &json!("idempotency_key_in_use")));
    assert_eq!(bench.post_with_key("k", &capture, &[]).await.body, slow.body);
    assert_eq!(bench.stripe.ledger_of(&id).captures, 1);
}

#[tokio::test]
async fn declines_and_refusals_after_execution_began_are_kept() {
    let bench = Bench::new().await;
    let form = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa_chargeDeclined"),
        CARD[0],
    ];

    let first = bench.post_with_key("k", "/v1/payment_intents", &form).await;
    let second = bench.post_with_key("k", "/v1/payment_intents", &form).await;

    assert_eq!((first.status, second.status), (402, 402));
    assert_eq!(first.body, second.body);
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(bench.stripe.ledger().len(), 1);
}

#[tokio::test]
async fn validation_failures_and_full_queues_are_not_kept() {
    let bench = Bench::new().await;
    let good = [("amount", "500"), ("currency", "usd"), CARD[0]];
    let invalid = bench.post_with_key("k", "/v1/payment_intents", &[("amount", "500")]).await;
    bench.stripe.faults().next(1, Fault::RateLimited { retry_after_secs: 1 });
    let limited = bench.post_with_key("k", "/v1/payment_intents", &good).await;

    let served = bench.post_with_key("k", "/v1/payment_intents", &good).await;

    assert_eq!([invalid.status, limited.status, served.status], [400, 429, 200]);
}

#[tokio::test]
async fn a_crash_is_kept_whether_or_not_the_money_moved() {
    for done in [false, true] {
        let bench = Bench::new().await;
        let id = bench.held("pm_card_visa").await;
        let capture = format!("/v1/payment_intents/{id}/capture");
        bench.stripe.faults().next(1, Fault::Crash { done });

        let (first, second) =
            (bench.post_with_key("k", &capture, &[]).await, bench.post_with_key("k", &capture, &[]).await);

        assert_eq!([first.status, second.status], [500, 500], "done: {done}");
        assert_eq!(second.headers["idempotent-replayed"], "true");
        assert_eq!(bench.stripe.ledger_of(&id).captures, u32::from(done));
    }
}

#[tokio::test]
async fn keys_forgotten_run_again() {
    let bench = Bench::new().await;
    let form = [("amount", "500"), ("currency", "usd"), CARD[0]];
    bench.post_with_key("k", "/v1/payment_intents", &form).await;

    bench.stripe.forget_idempotency_keys();
    bench.post_with_key("k", "/v1/payment_intents", &form).await;

    assert_eq!(bench.stripe.ledger().len(), 2);
}
