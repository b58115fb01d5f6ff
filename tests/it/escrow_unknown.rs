//! What is not known yet stays so until it is known: lost answers, failures that Stripe keeps, keys that changed in between.

use std::time::Duration;

use devkit::fault::Fault as StripeFault;
use holdfast::upstash::keys::Keys;
use serde_json::json;

use crate::escrow_bench::{Shop, text};

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
async fn an_outcome_that_stays_unknown_keeps_the_record_no_longer() {
    let t = Shop::new().await;
    t.stripe.faults().next(2, StripeFault::AnswerLost);
    assert_eq!(t.create("pm_card_visa").await.status, 202);
    let record = Keys::new(&t.bench.prefix).idempotency("partner-shop", "create");
    assert_eq!(t.bench.redis(&["PEXPIRE", &record, "1000000"]).await, json!(1));

    assert_eq!(t.create("pm_card_visa").await.status, 202);

    assert!(t.bench.redis(&["PTTL", &record]).await.as_i64().unwrap() <= 1_000_000);
}
