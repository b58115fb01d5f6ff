//! What others do at Stripe, or ask for past the routes: it is taken in, and nothing is left hanging.

use devkit::fault::Fault as StripeFault;
use holdfast::upstash::keys::Keys;
use http::Method;
use serde_json::{Value, json};

use crate::escrow_bench::{ADMIN, PARTNER, PROCESSOR, Shop, amounts, text};

/// Has every event come, the newest first.
async fn newest_first(t: &Shop) {
    let mut events = t.stripe.event_log();
    events.reverse();
    for event in &events {
        assert_eq!(t.event(event).await.status, 200, "{event}");
    }
}

fn intent(t: &Shop) -> String {
    t.stripe.ledger().into_keys().next().unwrap()
}

/// Returns what the one mail about a refund says.
async fn refund_mail(t: &Shop) -> Value {
    let state = t.bench.state().await;
    let jobs = state.iter().filter(|(key, _)| key.starts_with("job:")).filter_map(|(_, text)| text.as_str());
    let mut mails = jobs.map(|text| serde_json::from_str::<Value>(text).unwrap());
    let payload = mails.find(|job| job["type"] == "send_refund_email").unwrap()["payload"].clone();
    json!({ "amount": payload["amount"], "reason": payload["reason"] })
}

#[tokio::test]
async fn a_release_whose_capture_is_learnt_together_with_its_whole_refund_has_ended() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    t.stripe.faults().next(1, StripeFault::AnswerLost);
    let body = json!({ "escrowId": id });
    assert_eq!(t.post(PARTNER, "r", "/api/escrow/release", &body).await.status, 202);
    t.dashboard(&intent(&t), true, 10_000).await;

    newest_first(&t).await;

    let shown = t.get(ADMIN, &id).await.body;
    assert_eq!((&shown["status"], amounts(&shown)), (&json!("refunded"), [10_000, 0, 10_000, 0]));
    let again = t.post(PARTNER, "r", "/api/escrow/release", &body).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("refunded")));
    assert_eq!(refund_mail(&t).await, json!({ "amount": 10_000, "reason": null }));
}

#[tokio::test]
async fn a_mail_about_a_release_learnt_together_with_a_refund_says_what_went_back_by_the_amounts() {
    for captured in [10_000, 6_000] {
        let t = Shop::new().await;
        t.authorized().await;
        t.dashboard(&intent(&t), false, captured).await;
        t.dashboard(&intent(&t), true, 1_000).await;

        newest_first(&t).await;

        let rest = "The part of the payment that was not released to the seller.";
        let reason = if captured == 10_000 { Value::Null } else { json!(rest) };
        assert_eq!(refund_mail(&t).await, json!({ "amount": 11_000 - captured, "reason": reason }));
    }
}

#[tokio::test]
async fn a_cancellation_that_finds_the_payment_captured_and_refunded_has_ended() {
    let t = Shop::new().await;
    let id = text(&t.create("pm_card_authenticationRequired").await.body["escrowId"]);
    t.stripe.faults().next(1, StripeFault::Closed);
    let body = json!({ "escrowId": id });
    assert_eq!(t.post(PARTNER, "c", "/api/escrow/cancel", &body).await.status, 202);
    assert!(t.stripe.authenticate(&intent(&t), true));
    t.dashboard(&intent(&t), false, 10_000).await;
    t.dashboard(&intent(&t), true, 10_000).await;

    newest_first(&t).await;

    let shown = t.get(ADMIN, &id).await.body;
    assert_eq!((&shown["status"], amounts(&shown)), (&json!("refunded"), [10_000, 0, 10_000, 0]));
}

#[tokio::test]
async fn an_escrow_captured_and_refunded_in_stripes_dashboard_is_refunded() {
    for dispute in [false, true] {
        let t = Shop::new().await;
        let id = t.authorized().await;
        if dispute {
            t.post(PARTNER, "d", "/api/escrow/dispute", &json!({ "escrowId": id })).await;
        }
        t.dashboard(&intent(&t), false, 10_000).await;
        t.dashboard(&intent(&t), true, 10_000).await;

        newest_first(&t).await;

        let shown = t.get(ADMIN, &id).await.body;
        assert_eq!((&shown["status"], amounts(&shown)), (&json!("refunded"), [10_000, 0, 10_000, 0]));
        assert_eq!(shown["possible"], json!([]));
    }
}

#[tokio::test]
async fn money_held_for_an_escrow_whose_creation_was_refused_can_be_given_back() {
    let t = Shop::new().await;
    t.stripe.faults().next(1, StripeFault::Status { status: 400 });
    let refused = t.create("pm_card_visa").await;
    let id = text(&refused.body["escrowId"]);
    assert_eq!((refused.status, t.status(&id).await.as_str()), (422, "cancelled"));
    t.pay(&id).await;

    newest_first(&t).await;

    let shown = t.get(ADMIN, &id).await.body;
    assert_eq!((&shown["status"], amounts(&shown)), (&json!("authorized"), [10_000, 0, 0, 10_000]));
    let back = t.post(ADMIN, "f", "/api/escrow/refund", &json!({ "escrowId": id })).await;
    assert_eq!((back.status, &back.body["status"], t.ledger().cancels), (200, &json!("refunded"), 1), "{back:?}");
}

#[tokio::test]
async fn a_refusal_of_what_was_done_in_stripes_dashboard_is_answered_with_the_state() {
    for (caller, path, state, captured, refunded) in [
        (PARTNER, "/api/escrow/release", "authorized", 10_000, 0),
        (PARTNER, "/api/escrow/release", "authorized", 6_000, 0),
        (ADMIN, "/api/escrow/resolve", "disputed", 10_000, 0),
        (ADMIN, "/api/escrow/refund", "authorized", 10_000, 10_000),
        (ADMIN, "/api/escrow/refund", "released", 10_000, 10_000),
    ] {
        let t = Shop::new().await;
        let id = if state == "released" { t.released().await } else { t.authorized().await };
        if state == "disputed" {
            t.post(PARTNER, "d", "/api/escrow/dispute", &json!({ "escrowId": id })).await;
        }
        t.dashboard(&intent(&t), false, captured).await;
        t.dashboard(&intent(&t), true, refunded).await;
        let mut body = json!({ "escrowId": id });
        if state == "disputed" {
            body["resolution"] = json!("release");
        }

        let done = t.post(caller, "k", path, &body).await;

        assert_eq!(done.status, 200, "{path} {done:?}");
        assert_eq!(amounts(&done.body), [10_000, captured - refunded, 10_000 - captured + refunded, 0], "{path}");
        let last = done.body["history"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["failure"], &done.body["lastFailure"]), (&Value::Null, &Value::Null), "{path} {last}");
        let who = if caller == ADMIN { "admin-ops" } else { "partner-shop" };
        for _ in 0..2 {
            let again = t.post(caller, "k", path, &body).await;
            assert_eq!((again.status, &again.body["status"]), (200, &done.body["status"]), "{path} {again:?}");
            // The escrow remembers the request for longer than its record lasts.
            t.bench.redis(&["DEL", &Keys::new(&t.bench.prefix).idempotency(who, "k")]).await;
        }
    }
}

#[tokio::test]
async fn a_cancellation_refused_because_the_money_was_captured_claims_nothing_of_other_moves() {
    let t = Shop::new().await;
    let id = text(&t.create("pm_card_authenticationRequired").await.body["escrowId"]);
    assert!(t.stripe.authenticate(&intent(&t), true));
    t.dashboard(&intent(&t), false, 10_000).await;

    let refused = t.post(PARTNER, "c", "/api/escrow/cancel", &json!({ "escrowId": id })).await;

    assert_eq!((refused.status, &refused.body["state"]), (422, &json!("released")), "{refused:?}");
    assert_eq!(refused.body["detail"], "Stripe refused; this request moved no money");
}

/// Enqueues a job at Stripe as another producer does, and has it worked off.
async fn produce(t: &Shop, kind: &str, payload: &Value) -> Value {
    let bearer = format!("Bearer {PROCESSOR}");
    let headers = [("authorization", bearer.as_str())];
    let body = json!({ "type": kind, "payload": payload }).to_string();
    let queued = t.send(Method::POST, "/api/jobs/enqueue", &headers, body.as_bytes()).await;
    t.fallbacks().await;
    let path = format!("/api/jobs/{}", text(&queued.body["jobId"]));
    t.send(Method::GET, &path, &headers, b"").await.body
}

#[tokio::test]
async fn a_job_that_would_move_an_escrows_money_past_its_rules_is_refused_and_says_so() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    for (kind, route) in [("stripe_capture_payment", "release"), ("stripe_refund_payment", "refund")] {
        for key in [Value::Null, json!("key"), json!("esc_other:release:2")] {
            let payload =
                json!({ "paymentIntentId": intent(&t), "escrowId": id, "amount": 10_000, "idempotencyKey": key });

            let job = produce(&t, kind, &payload).await;

            assert_eq!(job["status"], "dead_letter", "{key}: {job}");
            assert!(text(&job["lastError"]).contains(&format!("/api/escrow/{route}")), "{job}");
        }
    }
    assert_eq!((t.status(&id).await.as_str(), t.ledger().captures, t.ledger().cancels), ("authorized", 0, 0));
}

#[tokio::test]
async fn a_job_whose_key_no_operation_ever_had_is_refused_and_one_of_an_ended_operation_is_done() {
    let t = Shop::new().await;
    let id = t.released().await;
    let shown = t.get(ADMIN, &id).await.body;
    let begun = shown["history"].as_array().unwrap().iter().find(|entry| entry["to"] == "releasing").unwrap();
    let used = format!("{id}:release:{}", begun["version"]);
    let unused = ["release:99", "refund:3", "release:1", "release", ""].map(|rest| format!("{id}:{rest}"));
    for (kind, what) in [("stripe_capture_payment", "capture"), ("stripe_refund_payment", "refund")] {
        // A release gives nothing back.
        let others = unused.iter().chain((what == "refund").then_some(&used));
        for key in others {
            let payload = json!({ "paymentIntentId": intent(&t), "escrowId": id, "idempotencyKey": key });

            let job = produce(&t, kind, &payload).await;

            assert_eq!(job["status"], "dead_letter", "{key}: {job}");
            let error = text(&job["lastError"]);
            let refused = format!("no {what} of this escrow was begun under the job's idempotencyKey");
            assert!(error.contains(&refused), "{error}");
        }
    }
    let payload = json!({ "paymentIntentId": intent(&t), "escrowId": id, "idempotencyKey": used });
    assert_eq!(produce(&t, "stripe_capture_payment", &payload).await["status"], "completed");
    assert_eq!((t.ledger().captures, t.ledger().refunds), (1, 0));
}

#[tokio::test]
async fn a_job_of_another_producer_falls_back_for_the_operation_that_is_under_way() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    t.stripe.faults().next(1, StripeFault::Closed);
    assert_eq!(t.post(PARTNER, "r", "/api/escrow/release", &json!({ "escrowId": id })).await.status, 202);
    let payload = json!({ "paymentIntentId": intent(&t), "escrowId": id, "amount": 10_000 });

    let first = produce(&t, "stripe_capture_payment", &payload).await;
    let second = produce(&t, "stripe_capture_payment", &payload).await;

    assert_eq!((&first["status"], &second["status"]), (&json!("completed"), &json!("completed")), "{first} {second}");
    assert_eq!((t.status(&id).await.as_str(), t.ledger().captures), ("released", 1));
}

#[tokio::test]
async fn an_event_about_a_payment_that_stripe_does_not_know_is_not_ours() {
    let t = Shop::new().await;
    t.authorized().await;
    for (kind, object) in [
        ("refund.created", json!({ "id": "re_1", "payment_intent": "pi_unknown", "amount": 5, "status": "succeeded" })),
        ("charge.dispute.created", json!({ "id": "dp_1", "payment_intent": "pi_unknown", "status": "lost" })),
        ("payment_intent.succeeded", json!({ "id": "pi_unknown" })),
    ] {
        let reply = t.event(&json!({ "id": "evt_1", "type": kind, "data": { "object": object } })).await;
        assert_eq!((reply.status, &reply.body["outcome"]), (200, &json!("not_ours")), "{kind} {reply:?}");
    }
}

#[tokio::test]
async fn an_event_about_an_escrow_of_ours_comes_again_while_stripe_cannot_be_asked() {
    let t = Shop::new().await;
    let id = t.released().await;
    t.dashboard(&intent(&t), true, 10_000).await;
    let event = t.events("refund.created").remove(0);
    for status in [401, 403, 500] {
        t.stripe.faults().next(1, StripeFault::Status { status });
        assert_eq!(t.event(&event).await.status, 503, "{status}");
    }

    assert_eq!(t.event(&event).await.body["outcome"], "applied");

    assert_eq!(t.status(&id).await, "refunded");
}
