//! Payments held, captured, cancelled and refunded.

use devkit::stripe::LedgerEntry;
use serde_json::json;

use crate::stripe_bench::{Bench, text};

#[tokio::test]
async fn a_held_payment_is_captured_in_part_and_the_rest_is_released() {
    let bench = Bench::new().await;
    let held = bench.hold("pm_card_visa").await;
    let id = text(&held.body["id"]);

    let captured = bench
        .post(
            &format!("/v1/payment_intents/{id}/capture"),
            &[("amount_to_capture", "600"), ("expand[]", "latest_charge")],
        )
        .await;

    assert_eq!(
        (held.status, &held.body["status"], &held.body["amount_capturable"]),
        (200, &json!("requires_capture"), &json!(1000))
    );
    let intent = &captured.body;
    assert_eq!(
        (&intent["status"], &intent["amount_received"], &intent["amount_capturable"]),
        (&json!("succeeded"), &json!(600), &json!(0))
    );
    let charge = &intent["latest_charge"];
    assert_eq!(
        (&charge["amount_captured"], &charge["amount_refunded"], &charge["refunded"]),
        (&json!(600), &json!(400), &json!(false))
    );
    let expected = LedgerEntry { authorisations: 1, captures: 1, captured: 600, ..LedgerEntry::default() };
    assert_eq!(bench.stripe.ledger_of(&id), expected);
}

#[tokio::test]
async fn refunds_end_where_the_captured_money_ends() {
    let bench = Bench::new().await;
    let id = bench.captured("pm_card_visa").await;
    let refund = |amount: &'static str| {
        let form = [("payment_intent", id.clone()), ("amount", amount.to_owned())];
        let bench = &bench;
        async move { bench.post("/v1/refunds", &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await }
    };

    let (part, beyond, rest, again) =
        (refund("400").await, refund("601").await, refund("600").await, refund("1").await);

    assert_eq!((part.status, &part.body["status"]), (200, &json!("succeeded")));
    assert_eq!((beyond.status, &beyond.body["error"]["param"]), (400, &json!("amount")));
    assert_eq!(
        beyond.body["error"]["message"],
        "Refund amount (6.01 usd) is greater than unrefunded amount on charge (6.00 usd)"
    );
    assert_eq!(rest.status, 200);
    assert_eq!((again.status, &again.body["error"]["code"]), (400, &json!("charge_already_refunded")));
    assert_eq!((bench.stripe.ledger_of(&id).refunds, bench.stripe.ledger_of(&id).refunded), (2, 1000));
}

#[tokio::test]
async fn a_key_replays_its_first_answer_and_refuses_another_call() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    let capture = format!("/v1/payment_intents/{id}/capture");

    let first = bench.post_with_key("k1", &capture, &[]).await;
    let second = bench.post_with_key("k1", &capture, &[]).await;
    let other = bench.post_with_key("k1", &capture, &[("amount_to_capture", "5")]).await;

    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.body, second.body);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(second.headers["original-request"], first.headers["request-id"]);
    assert_eq!((other.status, &other.body["error"]["type"]), (400, &json!("idempotency_error")));
    assert_eq!(bench.stripe.ledger_of(&id).captures, 1);
}
