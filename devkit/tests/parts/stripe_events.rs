//! Events: told once for each change, signed, and misordered on request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use devkit::postman::{DeliveryState, Order};
use devkit::serve::{Served, serve};
use devkit::stripe::DisputeOutcome;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sha2::Sha256;

use crate::stripe_bench::{Bench, text};

/// A receiver that verifies by itself, and fails as often as asked.
#[derive(Clone, Default)]
struct Shop {
    events: Arc<Mutex<Vec<Value>>>,
    failures: Arc<Mutex<u32>>,
}

impl Shop {
    async fn open(bench: &Bench) -> (Self, Served) {
        let shop = Self::default();
        let served = serve(Router::new().fallback(post(receive)).with_state(shop.clone())).await.unwrap();
        bench.stripe.events().set_url(Some(served.url()));
        (shop, served)
    }

    fn kinds(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().map(|event| text(&event["type"])).collect()
    }
}

async fn receive(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = headers["stripe-signature"].to_str().unwrap();
    let parts: BTreeMap<_, _> = header.split(',').map(|part| part.split_once('=').unwrap()).collect();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_dev_stripe").unwrap();
    mac.update(format!("{}.", parts["t"]).as_bytes());
    mac.update(&body);
    mac.verify_slice(&from_hex(parts["v1"])).unwrap();
    let mut failures = shop.failures.lock().unwrap();
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    shop.events.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    StatusCode::OK
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn each_change_is_told_in_order() {
    let bench = Bench::new().await;
    let (shop, _served) = Shop::open(&bench).await;

    let id = bench.captured("pm_card_visa").await;
    bench.post("/v1/refunds", &[("payment_intent", &id)]).await;
    let cancelled = bench.held("pm_card_visa").await;
    bench.post(&format!("/v1/payment_intents/{cancelled}/cancel"), &[]).await;
    bench.stripe.events().idle().await;

    let expected = [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
    ];
    assert_eq!(shop.kinds(), expected);
    assert_eq!(bench.stripe.event_log(), *shop.events.lock().unwrap());
}

#[tokio::test]
async fn failures_disputes_and_expiry_are_told_too() {
    let bench = Bench::new().await;
    let (shop, _served) = Shop::open(&bench).await;

    bench.hold("pm_card_visa_chargeDeclined").await;
    bench.hold("pm_card_threeDSecure2Required").await;
    bench.captured("pm_card_createDispute").await;
    let disputed = bench.get("/v1/events?type=charge.dispute.created").await;
    let dispute = text(&disputed.body["data"][0]["data"]["object"]["id"]);
    assert!(bench.stripe.close_dispute(&dispute, DisputeOutcome::Won));
    let fails = bench.captured("pm_card_refundFail").await;
    bench.post("/v1/refunds", &[("payment_intent", &fails)]).await;
    let expired = bench.held("pm_card_visa").await;
    bench.stripe.expire(&expired);
    bench.stripe.events().idle().await;

    let kinds = shop.kinds();
    for kind in [
        "charge.failed",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "charge.dispute.created",
        "charge.dispute.closed",
        "refund.updated",
        "refund.failed",
        "charge.expired",
    ] {
        assert!(kinds.iter().any(|told| told == kind), "{kind} is not among {kinds:?}");
    }
}

#[tokio::test]
async fn an_event_names_the_call_behind_it() {
    let bench = Bench::new().await;
    let id = bench.held("pm_card_visa").await;
    let capture = bench.post_with_key("esc:release:1", &format!("/v1/payment_intents/{id}/capture"), &[]).await;

    let listed = bench.get("/v1/events?type=payment_intent.succeeded").await;

    let event = &listed.body["data"][0];
    assert_eq!((text(&event["object"]), &event["livemode"]), ("event".to_owned(), &Value::Bool(false)));
    assert_eq!(event["data"]["object"], capture.body);
    assert_eq!(event["request"]["idempotency_key"], "esc:release:1");
    assert_eq!(event["request"]["id"], capture.headers["request-id"].to_str().unwrap());
    assert_eq!(bench.get(&format!("/v1/events/{}", text(&event["id"]))).await.body, *event);
}

#[tokio::test]
async fn an_event_that_is_refused_is_sent_again() {
    let bench = Bench::new().await;
    let (shop, _served) = Shop::open(&bench).await;
    *shop.failures.lock().unwrap() = 2;

    bench.hold("pm_card_visa").await;
    bench.stripe.events().idle().await;

    let mut kinds = shop.kinds();
    kinds.sort();
    assert_eq!(kinds, ["charge.succeeded", "payment_intent.amount_capturable_updated", "payment_intent.created"]);
    let deliveries = bench.stripe.events().deliveries();
    assert!(deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered), "{deliveries:?}");
    let answers: Vec<_> = deliveries[0].tries.iter().map(|one| one.answer.as_str()).collect();
    assert_eq!(answers, ["503", "200"]);
}

#[tokio::test]
async fn events_are_held_and_released_the_other_way_round() {
    let bench = Bench::new().await;
    let (shop, _served) = Shop::open(&bench).await;
    bench.stripe.events().hold();
    bench.hold("pm_card_visa").await;
    bench.stripe.events().idle().await;
    let before = shop.kinds();

    let released = bench.stripe.events().release(Order::Reversed);
    bench.stripe.events().idle().await;

    assert_eq!((before.len(), released), (0, 3));
    assert_eq!(
        shop.kinds(),
        ["payment_intent.amount_capturable_updated", "charge.succeeded", "payment_intent.created"]
    );
}

#[tokio::test]
async fn events_come_twice_or_once_more_on_request() {
    let bench = Bench::new().await;
    let (shop, _served) = Shop::open(&bench).await;
    bench.stripe.events().set_twice(true);
    bench.hold("pm_card_visa").await;
    let id = text(&bench.stripe.event_log()[0]["id"]);

    assert!(bench.stripe.resend_event(&id));
    bench.stripe.events().idle().await;

    let events = shop.events.lock().unwrap();
    assert_eq!(events.len(), 7);
    assert_eq!(events.iter().filter(|event| event["id"] == *id).count(), 3);
}
