//! What is not known yet stays so until it is known: lost answers, failures that Stripe keeps, keys that changed in between.

use std::time::Duration;

use devkit::fault::Fault as StripeFault;
use holdfast::upstash::keys::Keys;
use serde_json::json;

use crate::escrow_bench::{ADMIN, PARTNER, Shop, amounts, text};

/// Payments of others: more than a page of Stripe's.
const OTHERS: u32 = 120;

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_not_failed_by_a_key_that_was_replaced() {
    for status in [401, 403] {
        let t = Shop::new().await;
        t.stripe.faults().next(1, StripeFault::AnswerLost);
        assert_eq!(t.create("pm_card_visa").await.status, 202);
        t.stripe.faults().next(1, StripeFault::Status { status });

        let refused = t.create("pm_card_visa").await;

        assert_eq!((refused.status, &refused.body["status"]), (202, &json!("created")), "{refused:?}");
        let again = t.create("pm_card_visa").await;
        assert_eq!((again.status, &again.body["status"]), (201, &json!("authorized")), "{again:?}");
        assert_eq!(t.ledger().authorisations, 1);
    }
}

#[tokio::test]
async fn a_payment_is_not_made_any_more_once_stripe_may_have_forgotten_its_key() {
    let t = Shop::new().await;
    t.stripe.faults().next(1, StripeFault::AnswerLost);
    let begun = t.create("pm_card_visa").await;
    assert_eq!(begun.status, 202);
    t.bench.advance(Duration::from_mins(23 * 60 + 1));
    t.stripe.forget_idempotency_keys();

    let late = t.create("pm_card_visa").await;

    assert_eq!((late.status, &late.body["code"]), (409, &json!("creation_lapsed")), "{late:?}");
    assert_eq!((t.stripe.ledger().len(), t.ledger().authorisations), (1, 1));
    // What Stripe did is still learnt.
    for event in t.stripe.event_log() {
        t.event(&event).await;
    }
    assert_eq!(t.status(&text(&begun.body["escrowId"])).await, "authorized");
    assert_eq!(t.create("pm_card_visa").await.status, 201);
}

#[tokio::test]
async fn a_creation_whose_failure_stripe_keeps_is_found_there_or_asked_for_anew() {
    // How often Stripe fails, and whether the money is held all the same.
    for (failures, done) in [(1, true), (1, false), (3, false)] {
        let t = Shop::new().await;
        let held = || t.stripe.ledger().into_values().map(|entry| entry.authorisations).sum::<u32>();
        t.stripe.faults().next_on("POST /v1/payment_intents", 1, StripeFault::Crash { done });
        assert_eq!(t.create("pm_card_visa").await.status, 202);
        t.stripe.faults().clear();
        // Those of others, so that it is not on the newest page.
        for _ in 0..OTHERS {
            t.pay("esc_other").await;
        }
        if !done {
            // Stripe may still be about to finish what it failed at.
            let unknown = t.create("pm_card_visa").await;
            assert_eq!((unknown.status, &unknown.body["status"]), (202, &json!("created")), "{unknown:?}");
            assert_eq!(held(), OTHERS);
            t.bench.advance(Duration::from_mins(10));
        }
        for nth in 1..failures {
            // Each of the keys before is answered with the failure that Stripe keeps.
            t.stripe.faults().next_on("POST /v1/payment_intents", nth, StripeFault::Slow { ms: 0 });
            t.stripe.faults().next_on("POST /v1/payment_intents", 1, StripeFault::Crash { done });
            let unknown = t.create("pm_card_visa").await;
            assert_eq!(unknown.status, 202, "{unknown:?}");
        }

        let again = t.create("pm_card_visa").await;

        assert_eq!((again.status, &again.body["status"]), (201, &json!("authorized")), "{failures} {done} {again:?}");
        assert_eq!(held(), OTHERS + 1, "{failures} {done}");
    }
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_keeps_the_record_no_longer() {
    let t = Shop::new().await;
    t.stripe.faults().next(2, StripeFault::AnswerLost);
    assert_eq!(t.create("pm_card_visa").await.status, 202);
    let record = Keys::new(&t.bench.prefix).idempotency("partner-shop", "create");
    assert_eq!(t.bench.redis(&["PEXPIRE", &record, "1000000"]).await, json!(1));

    assert_eq!(t.create("pm_card_visa").await.status, 202);

    assert!(t.bench.redis(&["PTTL", &record]).await.as_i64().unwrap() <= 1_000_000);
}

#[tokio::test]
async fn a_failure_that_stripe_keeps_under_a_key_does_not_block_a_release_or_a_cancellation() {
    for (caller, path, status) in
        [(PARTNER, "/api/escrow/release", "released"), (ADMIN, "/api/escrow/refund", "refunded")]
    {
        for by_fallback in [false, true] {
            let t = Shop::new().await;
            let id = t.authorized().await;
            let body = json!({ "escrowId": id });
            // The second key may meet the same.
            t.stripe.faults().next_on("POST", 2, StripeFault::Crash { done: false });
            assert_eq!(t.post(caller, "k", path, &body).await.status, 202);

            for _ in 0..2 {
                if by_fallback {
                    t.fallbacks().await;
                } else {
                    t.post(caller, "k", path, &body).await;
                }
            }

            let again = t.post(caller, "k", path, &body).await;
            assert_eq!((again.status, &again.body["status"]), (200, &json!(status)), "{again:?}");
            assert_eq!(t.ledger().captures + t.ledger().cancels, 1);
        }
    }
}

#[tokio::test]
async fn a_refund_whose_failure_stripe_keeps_is_sent_anew_once_it_is_certain_that_there_is_none() {
    for done in [false, true] {
        let t = Shop::new().await;
        let id = t.released().await;
        let refund = async || t.post(ADMIN, "k", "/api/escrow/refund", &json!({ "escrowId": id })).await;
        t.stripe.faults().next_on("POST", 1, StripeFault::Crash { done });
        assert_eq!(refund().await.status, 202);
        if !done {
            // Stripe may still be about to finish what it failed at.
            assert_eq!(refund().await.status, 202);
            assert_eq!(t.ledger().refunds, 0);
            t.bench.advance(Duration::from_mins(10));
        }

        let again = refund().await;

        assert_eq!((again.status, &again.body["status"]), (200, &json!("refunded")), "{done} {again:?}");
        assert_eq!((t.ledger().refunds, t.ledger().refunded), (1, 10_000), "{done}");
    }
}

#[tokio::test]
async fn a_refund_that_failed_at_stripe_is_repeated_as_it_was_whatever_was_refunded_in_between() {
    let t = Shop::new().await;
    let id = t.released().await;
    let refund = async || t.post(ADMIN, "k", "/api/escrow/refund", &json!({ "escrowId": id })).await;
    t.stripe.faults().next_on("POST", 1, StripeFault::Crash { done: false });
    assert_eq!(refund().await.status, 202);
    let intent = t.stripe.ledger().into_keys().next().unwrap();
    t.dashboard(&intent, true, 3_000).await;

    let unknown = refund().await;
    t.bench.advance(Duration::from_mins(10));
    let ended = refund().await;

    assert_eq!((unknown.status, &unknown.body["status"]), (202, &json!("refunding")), "{unknown:?}");
    // More than is left was asked for, so Stripe refuses it, and this time for good.
    assert_eq!((ended.status, &ended.body["code"]), (422, &json!("payment_refused")), "{ended:?}");
    let shown = t.get(ADMIN, &id).await.body;
    assert_eq!((&shown["status"], amounts(&shown)), (&json!("partially_refunded"), [10_000, 7_000, 3_000, 0]));
}
