//! Money given back, never more than there is.

use serde_json::json;

use crate::stripe_bench::{Bench, text};

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
async fn what_was_not_captured_is_not_refunded() {
    let bench = Bench::new().await;
    let held = bench.hold("pm_card_visa").await;
    let (id, charge) = (text(&held.body["id"]), text(&held.body["latest_charge"]));

    let by_intent = bench.post("/v1/refunds", &[("payment_intent", &id)]).await;
    let by_charge = bench.post("/v1/refunds", &[("charge", &charge)]).await;
    let by_neither = bench.post("/v1/refunds", &[("amount", "1")]).await;
    let odd_reason = bench.post("/v1/refunds", &[("charge", &charge), ("reason", "bored")]).await;

    assert_eq!((by_intent.status, by_charge.status), (400, 400));
    assert_eq!((by_neither.status, &by_neither.body["error"]["code"]), (400, &json!("parameter_missing")));
    assert_eq!((odd_reason.status, &odd_reason.body["error"]["param"]), (400, &json!("reason")));
    assert_eq!(bench.stripe.ledger_of(&id).refunds, 0);
}

#[tokio::test]
async fn refunds_are_read_and_listed_by_payment() {
    let bench = Bench::new().await;
    let id = bench.captured("pm_card_visa").await;
    bench.captured("pm_card_visa").await;
    let form = [("payment_intent", id.as_str()), ("amount", "10"), ("reason", "duplicate"), ("metadata[escrow]", "e1")];
    let refund = bench.post("/v1/refunds", &form).await;

    let read = bench.get(&format!("/v1/refunds/{}", text(&refund.body["id"]))).await;
    let list = bench.get(&format!("/v1/refunds?payment_intent={id}")).await;

    assert_eq!(read.body, refund.body);
    assert_eq!((&read.body["reason"], &read.body["metadata"]), (&json!("duplicate"), &json!({ "escrow": "e1" })));
    assert_eq!(list.body["data"], json!([refund.body]));
}
