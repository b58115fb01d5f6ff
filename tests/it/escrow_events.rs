//! Stripe's events: first, twice, late, out of order, forged.

use devkit::fault::Fault as StripeFault;
use devkit::stripe::DisputeOutcome;
use http::Method;
use serde_json::{Value, json};

use crate::escrow_bench::{ADMIN, PARTNER, Shop, amounts, text};

async fn replay(t: &Shop, events: &[Value]) {
    for event in events {
        let reply = t.event(event).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[tokio::test]
async fn an_event_finishes_a_release_whose_answer_was_lost() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    t.stripe.faults().next(1, StripeFault::AnswerLost);
    let body = json!({ "escrowId": id });
    assert_eq!(t.post(PARTNER, "r", "/api/escrow/release", &body).await.status, 202);

    let succeeded = t.events("payment_intent.succeeded").remove(0);
    let first = t.event(&succeeded).await;
    let second = t.event(&succeeded).await;

    assert_eq!((&first.body["outcome"], &second.body["outcome"]), (&json!("applied"), &json!("duplicate")));
    assert_eq!(t.status(&id).await, "released");
    let again = t.post(PARTNER, "r", "/api/escrow/release", &body).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("released")));
    t.fallbacks().await;
    let jobs = t.jobs().await;
    assert_eq!((jobs["send_release_email"], t.ledger().captures), (1, 1));
    assert!(!jobs.contains_key("stripe_capture_payment"), "{jobs:?}");
}

#[tokio::test]
async fn events_that_come_after_the_answer_change_nothing() {
    let t = Shop::new().await;
    let id = t.released().await;
    let refund = json!({ "escrowId": id, "amount": 4_000 });
    assert_eq!(t.post(ADMIN, "f", "/api/escrow/refund", &refund).await.status, 200);
    let (before, jobs) = (t.get(ADMIN, &id).await.body, t.jobs().await);

    let mut events = t.stripe.event_log();
    replay(&t, &events).await;
    events.reverse();
    replay(&t, &events).await;

    let after = t.get(ADMIN, &id).await.body;
    assert_eq!(
        (&after["status"], amounts(&after), &after["version"]),
        (&before["status"], amounts(&before), &before["version"])
    );
    assert_eq!(t.jobs().await, jobs);
}

#[tokio::test]
async fn a_payment_made_in_the_browser_is_learnt_by_event_in_any_order() {
    for reversed in [false, true] {
        let t = Shop::new().await;
        let id = text(&t.create("pm_card_authenticationRequired").await.body["escrowId"]);
        assert_eq!(t.status(&id).await, "created");
        let intent = t.stripe.ledger().into_keys().next().unwrap();
        t.stripe.authenticate(&intent, true);
        let mut events = t.stripe.event_log();
        if reversed {
            events.reverse();
        }

        replay(&t, &events).await;

        assert_eq!(t.status(&id).await, "authorized");
        let jobs = t.jobs().await;
        assert_eq!(jobs["send_payment_confirmed_email"], 1);
        // The warning and the look at the end of the authorisation wait.
        assert_eq!((jobs["webhook_escrow_status_changed"], jobs["stripe_refund_payment"]), (2, 1));
    }
}

#[tokio::test]
async fn an_authorisation_that_runs_out_ends_the_escrow() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let intent = t.stripe.ledger().into_keys().next().unwrap();
    assert!(t.stripe.expire(&intent));

    replay(&t, &t.events("payment_intent.canceled")).await;

    let shown = t.get(PARTNER, &id).await.body;
    assert_eq!((&shown["status"], amounts(&shown)), (&json!("expired"), [10_000, 0, 10_000, 0]));
    // Whatever waited for the end was taken back.
    let jobs = t.jobs().await;
    assert_eq!(jobs["webhook_escrow_status_changed"], 2);
    assert!(!jobs.contains_key("stripe_refund_payment"));
    assert_eq!(t.post(PARTNER, "r", "/api/escrow/release", &json!({ "escrowId": id })).await.status, 409);
}

#[tokio::test]
async fn the_end_of_an_authorisation_is_known_by_the_word_of_the_endpoints_api_version() {
    for word in ["expired", "automatic"] {
        let t = Shop::new().await;
        let id = t.authorized().await;
        assert!(t.stripe.expire(&t.stripe.ledger().into_keys().next().unwrap()));
        let mut event = t.events("payment_intent.canceled").remove(0);
        event["data"]["object"]["cancellation_reason"] = word.into();

        replay(&t, &[event]).await;

        assert_eq!(t.status(&id).await, "expired", "{word}");
    }
}

#[tokio::test]
async fn the_end_of_an_authorisation_is_found_when_its_event_got_lost() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let intent = t.stripe.ledger().into_keys().next().unwrap();
    t.bench.advance(std::time::Duration::from_hours(7 * 24));
    t.fallbacks().await;
    assert_eq!(t.status(&id).await, "authorized");
    t.stripe.expire(&intent);

    t.bench.advance(std::time::Duration::from_mins(20));
    t.fallbacks().await;

    assert_eq!(t.status(&id).await, "expired");
}

#[tokio::test]
async fn a_refund_that_comes_back_is_the_sellers_again() {
    let t = Shop::new().await;
    let id = t.released().await;
    let refunded = t.post(ADMIN, "f", "/api/escrow/refund", &json!({ "escrowId": id })).await;
    assert_eq!(amounts(&refunded.body), [10_000, 0, 10_000, 0]);
    assert!(t.stripe.fail_refund(&text(&refunded.body["refunds"][0]["id"])));

    let mut events = t.stripe.event_log();
    events.reverse();
    replay(&t, &events).await;

    let shown = t.get(ADMIN, &id).await.body;
    assert_eq!((&shown["status"], amounts(&shown)), (&json!("released"), [10_000, 10_000, 0, 0]));
    assert_eq!(t.ledger().refunded, 0);
}

#[tokio::test]
async fn a_chargeback_freezes_the_escrow_until_it_is_won() {
    let t = Shop::new().await;
    let id = t.released().await;
    let charge = text(&t.events("charge.captured")[0]["data"]["object"]["id"]);
    let dispute = t.stripe.open_dispute(&charge).unwrap();
    replay(&t, &t.events("charge.dispute.created")).await;
    assert_eq!(t.status(&id).await, "charged_back");
    assert_eq!(t.post(ADMIN, "f", "/api/escrow/refund", &json!({ "escrowId": id })).await.status, 409);

    t.stripe.close_dispute(&dispute, DisputeOutcome::Won);
    replay(&t, &t.events("charge.dispute.closed")).await;
    replay(&t, &t.events("charge.dispute.created")).await;

    assert_eq!(t.status(&id).await, "released");
}

#[tokio::test]
async fn an_inquiry_takes_no_money_back_until_it_becomes_a_chargeback() {
    let t = Shop::new().await;
    let id = t.released().await;
    let intent = text(&t.get(ADMIN, &id).await.body["paymentIntentId"]);
    let told = |event: &str, kind: &str, status: &str| {
        let object =
            json!({ "id": "dp_1", "object": "dispute", "amount": 10_000, "payment_intent": intent, "status": status });
        json!({ "id": event, "type": format!("charge.dispute.{kind}"), "data": { "object": object } })
    };

    replay(&t, &[told("evt_1", "created", "warning_needs_response"), told("evt_2", "updated", "warning_under_review")])
        .await;
    let asked = t.status(&id).await;
    let refund = json!({ "escrowId": id, "amount": 1_000 });
    let refunded = t.post(ADMIN, "f", "/api/escrow/refund", &refund).await;
    replay(
        &t,
        &[told("evt_3", "funds_withdrawn", "needs_response"), told("evt_1", "created", "warning_needs_response")],
    )
    .await;

    assert_eq!((asked.as_str(), refunded.status), ("released", 200), "{refunded:?}");
    assert_eq!(t.status(&id).await, "charged_back");
    replay(&t, &[told("evt_4", "closed", "won")]).await;
    assert_eq!(t.status(&id).await, "partially_refunded");
}

#[tokio::test]
async fn a_chargeback_that_comes_before_the_release_is_known_to_be_done_is_not_forgotten() {
    let t = Shop::new().await;
    let id = text(&t.create("pm_card_createDispute").await.body["escrowId"]);
    t.stripe.faults().next(1, StripeFault::AnswerLost);
    let body = json!({ "escrowId": id });
    assert_eq!(t.post(PARTNER, "r", "/api/escrow/release", &body).await.status, 202);

    replay(&t, &t.events("charge.dispute.created")).await;

    assert_eq!(t.status(&id).await, "charged_back");
    assert_eq!(t.ledger().captured, 10_000);
}

#[tokio::test]
async fn only_stripe_is_believed() {
    let t = Shop::new().await;
    t.authorized().await;
    let event = t.stripe.event_log().remove(0).to_string();
    for signature in ["", "t=1,v1=00", &format!("t={},v1={}", t.bench.clock.now().0 / 1_000, "0".repeat(64))] {
        let headers = [("stripe-signature", signature)];
        let reply = t.send(Method::POST, "/api/webhooks/stripe", &headers, event.as_bytes()).await;
        assert_eq!((reply.status, &reply.body["code"]), (400, &json!("invalid_signature")), "{signature}");
    }
    let unknown = json!({ "id": "evt_1", "type": "payment_intent.succeeded",
        "data": { "object": { "id": "pi_other", "status": "succeeded", "amount_capturable": 0, "amount_received": 1, "metadata": { "escrow_id": "esc_nobody" } } } });
    assert_eq!(t.event(&unknown).await.body["outcome"], "not_ours");
}

#[tokio::test]
async fn an_event_of_another_api_version_is_no_word_on_money_so_stripe_is_asked() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let intent = text(&t.get(PARTNER, &id).await.body["paymentIntentId"]);
    t.dashboard(&intent, false, 10_000).await;
    let mut event = t.events("payment_intent.succeeded").remove(0);
    event["data"]["object"].as_object_mut().unwrap().remove("amount_received");

    assert_eq!(t.event(&event).await.body["outcome"], "applied");

    assert_eq!(amounts(&t.get(PARTNER, &id).await.body), [10_000, 10_000, 0, 0]);
}
