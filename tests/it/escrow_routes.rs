//! The routes of escrows: what each does, refuses and costs.

use http::Method;
use serde_json::{Value, json};

use crate::escrow_bench::{ADMIN, OTHER, PARTNER, Shop, amounts, order, text};

#[tokio::test]
async fn a_release_pays_the_seller_and_causes_each_side_effect_once() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let (redis, stripe) = (t.bench.rest.calls(), t.stripe.calls().len());

    let released = t.post(PARTNER, "r", "/api/escrow/release", &json!({ "escrowId": id })).await;

    assert_eq!((released.status, &released.body["status"]), (200, &json!("released")), "{released:?}");
    assert_eq!(amounts(&released.body), [10_000, 10_000, 0, 0]);
    // The first release of all sends two scripts whole.
    assert!(t.bench.rest.calls() - redis <= 3 + 2);
    assert_eq!(t.stripe.calls().len() - stripe, 1);
    assert_eq!((t.ledger().captures, t.ledger().captured), (1, 10_000));
    let jobs = t.jobs().await;
    assert_eq!((jobs["send_payment_confirmed_email"], jobs["send_release_email"]), (1, 1));
    assert_eq!(jobs["webhook_escrow_status_changed"], 2);
    // Created, authorised, begun, released.
    assert_eq!(jobs["audit_log_created"], 4);
    assert!(!jobs.contains_key("stripe_capture_payment"));
}

#[tokio::test]
async fn each_move_is_on_record_with_who_made_it_what_was_before_and_after_and_at_which_request() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let bearer = format!("Bearer {PARTNER}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "r"), ("x-request-id", "order-17")];
    let body = json!({ "escrowId": id }).to_string();
    assert_eq!(t.send(Method::POST, "/api/escrow/release", &headers, body.as_bytes()).await.status, 200);

    let state = t.bench.state().await;
    let jobs = state.iter().filter(|(key, _)| key.starts_with("job:")).filter_map(|(_, text)| text.as_str());
    let jobs = jobs.map(|text| serde_json::from_str::<Value>(text).unwrap());
    let mut events: Vec<Value> = jobs.map(|job| job["payload"]["eventData"].clone()).filter(|e| !e.is_null()).collect();
    events.sort_by_key(|event| event["after"]["version"].as_u64());
    let told = |of: &str| events.iter().map(|event| event[of].clone()).collect::<Vec<_>>();
    assert_eq!(told("action"), ["escrow.create", "escrow.authorize", "escrow.release", "escrow.release"]);
    assert!(told("subject").iter().all(|subject| *subject == json!({"kind": "escrow", "id": id})));
    assert!(told("actor").iter().all(|actor| *actor == json!({"kind": "partner", "id": "shop"})), "{events:#?}");
    assert_eq!(events[0]["before"], Value::Null);
    for (one, next) in events.iter().zip(&events[1..]) {
        assert_eq!(one["after"]["amounts"], next["before"]["amounts"]);
        assert_eq!(one["after"]["status"], next["before"]["status"]);
        assert_eq!(one["after"]["version"], next["before"]["version"]);
    }
    assert_eq!(
        events[3]["after"]["amounts"],
        json!({"held": 10_000, "released": 10_000, "refunded": 0, "remaining": 0})
    );
    assert_eq!(told("requestId")[2..], [json!("order-17"), json!("order-17")]);
    assert!(!Value::from(events).to_string().contains('@'), "a record that names a party");
}

#[tokio::test]
async fn once_the_scripts_are_known_a_release_is_three_calls_to_redis_and_one_to_stripe() {
    let t = Shop::new().await;
    t.released().await;
    let body = json!({ "amount": 500, "currency": "usd", "buyerEmail": "b@example.com", "sellerEmail": "s@example.com", "paymentMethod": "pm_card_visa" });
    let second = t.post(PARTNER, "second", "/api/escrow/create", &body).await;
    let (redis, stripe) = (t.bench.rest.calls(), t.stripe.calls().len());

    let released = t.post(PARTNER, "r2", "/api/escrow/release", &json!({ "escrowId": second.body["escrowId"] })).await;

    assert_eq!(released.status, 200);
    assert_eq!((t.bench.rest.calls() - redis, t.stripe.calls().len() - stripe), (3, 1));
}

#[tokio::test]
async fn a_release_of_a_part_returns_the_rest() {
    let t = Shop::new().await;
    let id = t.authorized().await;

    let released = t.post(PARTNER, "r", "/api/escrow/release", &json!({ "escrowId": id, "amount": 6_000 })).await;

    assert_eq!((released.status, &released.body["status"]), (200, &json!("partially_refunded")));
    assert_eq!(amounts(&released.body), [10_000, 6_000, 4_000, 0]);
    assert_eq!(t.ledger().captured, 6_000);
    let jobs = t.jobs().await;
    assert_eq!((jobs["send_release_email"], jobs["send_refund_email"]), (1, 1));
}

#[tokio::test]
async fn each_part_that_goes_back_has_a_mail_of_its_own() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let release = json!({ "escrowId": id, "amount": 6_000 });
    assert_eq!(t.post(PARTNER, "r", "/api/escrow/release", &release).await.status, 200);

    for key in ["first", "second"] {
        let refund = json!({ "escrowId": id, "amount": 1_000 });
        assert_eq!(t.post(ADMIN, key, "/api/escrow/refund", &refund).await.status, 200);
    }

    assert_eq!(t.jobs().await["send_refund_email"], 3);
    let shown = t.get(ADMIN, &id).await.body;
    let jobs = shown["jobs"].as_array().unwrap();
    let mails = jobs.iter().filter(|job| job["type"] == "send_refund_email");
    for mail in mails {
        let job = format!("job:{}", text(&mail["id"]));
        assert!(t.bench.state().await.contains_key(&job), "the escrow names {job}, which is none");
    }
}

#[tokio::test]
async fn a_refund_before_a_release_lets_the_hold_go() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let part = t.post(ADMIN, "p", "/api/escrow/refund", &json!({ "escrowId": id, "amount": 1 })).await;
    assert_eq!((part.status, &part.body["code"]), (422, &json!("invalid_amount")));

    let refunded = t.post(ADMIN, "r", "/api/escrow/refund", &json!({ "escrowId": id, "reason": "sold out" })).await;

    assert_eq!((refunded.status, &refunded.body["status"]), (200, &json!("refunded")), "{refunded:?}");
    assert_eq!(amounts(&refunded.body), [10_000, 0, 10_000, 0]);
    assert_eq!((t.ledger().captures, t.ledger().cancels), (0, 1));
}

#[tokio::test]
async fn refunds_after_a_release_go_back_in_parts_and_never_beyond() {
    let t = Shop::new().await;
    let id = t.released().await;
    let refund = async |key: &str, amount: i64| {
        t.post(ADMIN, key, "/api/escrow/refund", &json!({ "escrowId": id, "amount": amount })).await
    };

    let first = refund("a", 3_000).await;
    assert_eq!((first.status, &first.body["status"]), (200, &json!("partially_refunded")), "{first:?}");
    assert_eq!(amounts(&first.body), [10_000, 7_000, 3_000, 0]);
    assert_eq!(refund("b", 7_001).await.status, 422);
    let last = refund("c", 7_000).await;

    assert_eq!(amounts(&last.body), [10_000, 0, 10_000, 0]);
    assert_eq!(last.body["status"], "refunded");
    assert_eq!((t.ledger().refunds, t.ledger().refunded), (2, 10_000));
    assert_eq!(last.body["refunds"].as_array().unwrap().len(), 2);
    assert_eq!(t.jobs().await["send_refund_email"], 2);
}

#[tokio::test]
async fn a_dispute_stops_the_money_until_it_is_resolved() {
    for (resolution, part, status, expected) in [
        ("release", None, "released", [10_000, 10_000, 0, 0]),
        ("refund", None, "refunded", [10_000, 0, 10_000, 0]),
        ("split", Some(2_500), "partially_refunded", [10_000, 2_500, 7_500, 0]),
    ] {
        let t = Shop::new().await;
        let id = t.authorized().await;
        let disputed =
            t.post(PARTNER, "d", "/api/escrow/dispute", &json!({ "escrowId": id, "reason": "broken" })).await;
        assert_eq!((disputed.status, &disputed.body["status"]), (200, &json!("disputed")), "{disputed:?}");
        let release = t.post(PARTNER, "x", "/api/escrow/release", &json!({ "escrowId": id })).await;
        assert_eq!(
            (release.status, &release.body["code"], &release.body["state"]),
            (409, &json!("illegal_move"), &json!("disputed"))
        );
        let mut body = json!({ "escrowId": id, "resolution": resolution });
        if let Some(part) = part {
            body["releaseAmount"] = part.into();
        }
        assert_eq!(t.post(PARTNER, "y", "/api/escrow/resolve", &body).await.status, 403);

        let resolved = t.post(ADMIN, "z", "/api/escrow/resolve", &body).await;

        assert_eq!((resolved.status, &resolved.body["status"]), (200, &json!(status)), "{resolved:?}");
        assert_eq!(amounts(&resolved.body), expected);
        let jobs = t.jobs().await;
        assert_eq!((jobs["send_dispute_email"], jobs["notify_dispute_resolved"]), (2, 1));
        assert!(!jobs.contains_key("send_release_email") && !jobs.contains_key("send_refund_email"), "{jobs:?}");
    }
}

#[tokio::test]
async fn nobody_is_told_of_a_resolution_that_stripe_refused() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    assert_eq!(t.post(PARTNER, "d", "/api/escrow/dispute", &json!({ "escrowId": id })).await.status, 200);
    let intent = text(&t.get(ADMIN, &id).await.body["paymentIntentId"]);
    t.dashboard(&intent, false, 10_000).await;

    let refund = json!({ "escrowId": id, "resolution": "refund" });
    let refused = t.post(ADMIN, "z", "/api/escrow/resolve", &refund).await;

    assert_eq!((refused.status, t.status(&id).await.as_str()), (422, "released"), "{refused:?}");
    let jobs = t.jobs().await;
    assert!(!jobs.contains_key("notify_dispute_resolved"), "{jobs:?}");
}

#[tokio::test]
async fn an_escrow_that_nobody_paid_is_cancelled_at_stripe_too() {
    let t = Shop::new().await;
    let created = t.create("").await;
    assert_eq!((created.status, &created.body["status"]), (201, &json!("created")));
    assert!(text(&created.body["clientSecret"]).contains("_secret_"));
    assert_eq!(amounts(&created.body), [0, 0, 0, 0]);
    let id = text(&created.body["escrowId"]);

    let cancelled = t.post(PARTNER, "c", "/api/escrow/cancel", &json!({ "escrowId": id })).await;

    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("cancelled")), "{cancelled:?}");
    assert_eq!(cancelled.body.get("clientSecret"), None);
    assert_eq!(t.ledger().cancels, 1);
}

#[tokio::test]
async fn the_answer_to_a_creation_has_the_client_secret_and_no_later_one_once_it_is_paid() {
    let t = Shop::new().await;
    let created = t.create("pm_card_visa").await;
    let id = text(&created.body["escrowId"]);

    let shown = t.get(PARTNER, &id).await;

    assert!(text(&created.body["clientSecret"]).contains("_secret_"));
    assert_eq!((&shown.body["status"], shown.body.get("clientSecret")), (&json!("authorized"), None));
}

#[tokio::test]
async fn a_decline_is_told_with_the_banks_reason_and_the_payment_can_be_tried_again() {
    let t = Shop::new().await;

    let declined = t.create("pm_card_chargeDeclinedInsufficientFunds").await;

    assert_eq!((declined.status, &declined.body["code"]), (402, &json!("payment_declined")), "{declined:?}");
    assert_eq!(declined.body["declineCode"], "insufficient_funds");
    assert_eq!(declined.headers["content-type"], "application/problem+json");
    assert_eq!(t.status(&text(&declined.body["escrowId"])).await, "created");
    assert!(text(&declined.body["clientSecret"]).contains("_secret_"));
    let again = t.create("pm_card_chargeDeclinedInsufficientFunds").await;
    assert_eq!((again.status, &again.body), (402, &declined.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
}

#[tokio::test]
async fn amounts_and_currencies_that_cannot_be_charged_are_refused_with_the_reason() {
    let t = Shop::new().await;
    for (field, value, code) in [
        ("amount", json!(0), "invalid_amount"),
        ("amount", json!(-5), "invalid_amount"),
        ("amount", json!(100_000_000), "invalid_amount"),
        ("amount", json!(10.5), "invalid_field"),
        ("amount", json!("100"), "invalid_field"),
        ("currency", json!("zzz"), "unknown_currency"),
        ("currency", json!("usdx"), "unknown_currency"),
        ("buyerEmail", json!("nobody"), "invalid_field"),
        ("paymentMethod", json!("../x"), "invalid_field"),
        ("colour", json!("red"), "unknown_field"),
    ] {
        let mut body = order();
        body[field] = value.clone();
        let reply = t.post(PARTNER, "k", "/api/escrow/create", &body).await;
        assert_eq!((reply.status, &reply.body["code"]), (422, &json!(code)), "{field} {value}: {reply:?}");
    }
    assert!(t.stripe.calls().is_empty());
}

#[tokio::test]
async fn a_part_that_stripe_takes_only_in_larger_steps_is_refused_like_the_whole() {
    let t = Shop::new().await;
    let mut body = order();
    body["currency"] = "ugx".into();
    body["paymentMethod"] = "pm_card_visa".into();
    body["amount"] = 10_050.into();
    let odd = t.post(PARTNER, "odd", "/api/escrow/create", &body).await;
    assert_eq!((odd.status, &odd.body["code"]), (422, &json!("invalid_amount")), "{odd:?}");
    body["amount"] = 10_000.into();
    let id = text(&t.post(PARTNER, "even", "/api/escrow/create", &body).await.body["escrowId"]);

    let part = |amount: i64| json!({ "escrowId": id, "amount": amount });
    let odd = t.post(PARTNER, "r1", "/api/escrow/release", &part(6_050)).await;
    let even = t.post(PARTNER, "r2", "/api/escrow/release", &part(6_000)).await;
    let odd_refund = t.post(ADMIN, "f1", "/api/escrow/refund", &part(150)).await;

    assert_eq!(
        (odd.status, &odd.body["detail"]),
        (422, &json!("amount is 6050, expected a multiple of 100: Stripe takes ugx in no smaller steps")),
        "{odd:?}"
    );
    assert_eq!((even.status, &even.body["status"]), (200, &json!("partially_refunded")), "{even:?}");
    assert_eq!((odd_refund.status, &odd_refund.body["code"]), (422, &json!("invalid_amount")), "{odd_refund:?}");
}

#[tokio::test]
async fn a_partner_sees_nothing_of_anothers_escrow() {
    let t = Shop::new().await;
    let id = t.authorized().await;

    assert_eq!(t.get(OTHER, &id).await.status, 404);
    for path in ["release", "dispute", "cancel"] {
        let reply = t.post(OTHER, path, &format!("/api/escrow/{path}"), &json!({ "escrowId": id })).await;
        assert_eq!((reply.status, &reply.body["code"]), (404, &json!("unknown_escrow")), "{path}");
    }
    assert_eq!(t.get(PARTNER, &id).await.status, 200);
    assert_eq!(t.get(ADMIN, &id).await.status, 200);
    let unknown = t.get("hf_test_nobody", &id).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (401, &json!("wrong_token")));
}

#[tokio::test]
async fn an_escrow_is_shown_with_its_history_and_what_became_of_its_jobs() {
    let t = Shop::new().await;
    let id = t.released().await;

    let shown = t.get(PARTNER, &id).await;

    let moves: Vec<String> = shown.body["history"].as_array().unwrap().iter().map(|entry| text(&entry["to"])).collect();
    assert_eq!(moves, ["created", "authorized", "releasing", "released"]);
    let statuses = shown.body["jobStatuses"].as_array().unwrap();
    let of = |kind: &str| statuses.iter().find(|job| job["type"] == kind).map(|job| text(&job["status"]));
    assert_eq!(of("stripe_capture_payment").as_deref(), Some("cancelled"));
    assert_eq!(of("send_release_email").as_deref(), Some("pending"));
    assert_eq!(shown.body["possible"], json!([]));
}
