//! Payments held, captured and cancelled.

use devkit::stripe::LedgerEntry;
use serde_json::json;

use crate::stripe_bench::{Bench, CARD, text};

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
        (&json!(600), &json!(0), &json!(false))
    );
    let expected = LedgerEntry { authorisations: 1, captures: 1, captured: 600, ..LedgerEntry::default() };
    assert_eq!(bench.stripe.ledger_of(&id), expected);
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

#[tokio::test]
async fn no_more_is_captured_than_is_held() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;

    let beyond = bench.post(&format!("/v1/payment_intents/{id}/capture"), &[("amount_to_capture", "1001")]).await;

    assert_eq!(beyond.status, 400);
    assert_eq!(
        (&beyond.body["error"]["code"], &beyond.body["error"]["param"]),
        (&json!("amount_too_large"), &json!("amount_to_capture"))
    );
    assert_eq!(bench.stripe.ledger_of(&id).captures, 0);
}

#[tokio::test]
async fn a_payment_that_ended_is_neither_captured_nor_cancelled_nor_confirmed() {
    let bench = Bench::new().await;
    let captured = bench.captured("pm_card_visa").await;
    let cancelled = bench.held("pm_card_visa").await;
    let reason = [("cancellation_reason", "requested_by_customer")];
    let cancel = bench.post(&format!("/v1/payment_intents/{cancelled}/cancel"), &reason).await;

    assert_eq!(
        (&cancel.body["status"], &cancel.body["cancellation_reason"]),
        (&json!("canceled"), &json!("requested_by_customer"))
    );
    for id in [&captured, &cancelled] {
        for action in ["capture", "cancel", "confirm"] {
            let refused = bench.post(&format!("/v1/payment_intents/{id}/{action}"), &[]).await;
            assert_eq!(refused.status, 400, "{action} {id}");
            assert_eq!(refused.body["error"]["code"], "payment_intent_unexpected_state", "{action} {id}");
            assert_eq!(refused.body["error"]["payment_intent"]["id"], **id, "{action} {id}");
        }
    }
    let entry = bench.stripe.ledger_of(&cancelled);
    assert_eq!((entry.captures, entry.cancels), (0, 1));
}

#[tokio::test]
async fn an_automatic_payment_is_captured_when_it_is_confirmed() {
    let bench = Bench::new().await;
    let created = bench.post("/v1/payment_intents", &[("amount", "500"), ("currency", "jpy"), CARD[0]]).await;
    let id = text(&created.body["id"]);

    let early = bench.post(&format!("/v1/payment_intents/{id}/confirm"), &[]).await;
    let confirmed =
        bench.post(&format!("/v1/payment_intents/{id}/confirm"), &[("payment_method", "pm_card_visa")]).await;

    assert_eq!(created.body["status"], "requires_payment_method");
    assert!(text(&created.body["client_secret"]).starts_with(&format!("{id}_secret_")));
    assert_eq!(early.status, 400);
    assert_eq!((&confirmed.body["status"], &confirmed.body["amount_received"]), (&json!("succeeded"), &json!(500)));
}

#[tokio::test]
async fn a_payment_with_its_method_waits_for_confirmation() {
    let bench = Bench::new().await;

    let form = [("amount", "500"), ("currency", "usd"), ("payment_method", "pm_card_visa"), CARD[0]];
    let created = bench.post("/v1/payment_intents", &form).await;

    assert_eq!(created.body["status"], "requires_confirmation");
}

#[tokio::test]
async fn redirects_ask_for_a_return_url_unless_they_are_ruled_out() {
    let bench = Bench::new().await;
    let first = [("amount", "500"), ("currency", "usd"), ("confirm", "true"), ("payment_method", "pm_card_visa")];
    let post = |last: &[(&'static str, &'static str)]| {
        let (bench, form) = (&bench, [&first, last].concat());
        async move { bench.post("/v1/payment_intents", &form).await }
    };

    let silent = post(&[]).await;
    let without = post(&[
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
    ])
    .await;
    let with = post(&[("return_url", "https://shop.example/back")]).await;

    assert_eq!((silent.status, without.status, with.status), (400, 200, 200));
    assert!(text(&silent.body["error"]["message"]).contains("return_url"));
}

#[tokio::test]
async fn a_hold_says_how_long_it_lasts() {
    let bench = Bench::new().await;
    let held = bench.hold("pm_card_visa").await;
    let id = text(&held.body["id"]);

    let read = bench.get(&format!("/v1/payment_intents/{id}?expand[]=latest_charge")).await;
    let charge = bench.get(&format!("/v1/charges/{}", text(&held.body["latest_charge"]))).await;

    assert_eq!(read.body["latest_charge"], charge.body);
    let end = charge.body["payment_method_details"]["card"]["capture_before"].as_i64().unwrap();
    assert_eq!(end - charge.body["created"].as_i64().unwrap(), 7 * 24 * 60 * 60);
    assert_eq!((&charge.body["captured"], &charge.body["disputed"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn an_authorisation_runs_out_on_request() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;

    let (first, second) = (bench.stripe.expire(&id), bench.stripe.expire(&id));

    let read = bench.get(&format!("/v1/payment_intents/{id}")).await;
    assert_eq!((first, second), (true, false));
    assert_eq!((&read.body["status"], &read.body["cancellation_reason"]), (&json!("canceled"), &json!("expired")));
}

#[tokio::test]
async fn lists_are_newest_first_and_in_pages() {
    let bench = Bench::new().await;
    let (first, second, third) =
        (bench.held("pm_card_visa").await, bench.held("pm_card_visa").await, bench.held("pm_card_visa").await);

    let page = bench.get("/v1/payment_intents?limit=2").await;
    let rest = bench.get(&format!("/v1/payment_intents?limit=2&starting_after={second}")).await;
    let illegal = bench.get("/v1/payment_intents?limit=101").await;

    let ids = |body: &serde_json::Value| {
        body["data"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect::<Vec<_>>()
    };
    assert_eq!((ids(&page.body), &page.body["has_more"]), (vec![third, second], &json!(true)));
    assert_eq!((ids(&rest.body), &rest.body["has_more"]), (vec![first], &json!(false)));
    assert_eq!(illegal.status, 400);
}
