//! What the test cards bring about.

use devkit::stripe::DisputeOutcome;
use serde_json::json;

use crate::stripe_bench::{Bench, CARD, text};

#[tokio::test]
async fn each_card_declines_in_its_own_words() {
    let bench = Bench::new().await;
    let cases = [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ];

    for (card, code, decline_code) in cases {
        let declined = bench.hold(card).await;
        let error = &declined.body["error"];
        assert_eq!(declined.status, 402, "{card}");
        assert_eq!(
            (&error["type"], &error["code"], &error["decline_code"]),
            (&json!("card_error"), &json!(code), &json!(decline_code)),
            "{card}"
        );
        let intent = &error["payment_intent"];
        assert_eq!(
            (&intent["status"], &intent["payment_method"]),
            (&json!("requires_payment_method"), &json!(null)),
            "{card}"
        );
        assert_eq!(intent["last_payment_error"]["decline_code"], decline_code, "{card}");
        assert_eq!(intent["latest_charge"], error["charge"], "{card}");
    }
}

#[tokio::test]
async fn a_declined_payment_is_tried_again_with_another_card() {
    let bench = Bench::new().await;
    let declined = bench.hold("pm_card_visa_chargeDeclined").await;
    let id = text(&declined.body["error"]["payment_intent"]["id"]);

    let confirmed =
        bench.post(&format!("/v1/payment_intents/{id}/confirm"), &[("payment_method", "pm_card_visa")]).await;

    assert_eq!(
        (&confirmed.body["status"], &confirmed.body["last_payment_error"]),
        (&json!("requires_capture"), &json!(null))
    );
    let entry = bench.stripe.ledger_of(&id);
    assert_eq!((entry.declines, entry.authorisations), (1, 1));
}

#[tokio::test]
async fn a_card_that_asks_for_authentication_waits_for_the_customer() {
    let bench = Bench::new().await;
    let (yes, no) =
        (bench.hold("pm_card_threeDSecure2Required").await, bench.hold("pm_card_authenticationRequired").await);
    let (yes_id, no_id) = (text(&yes.body["id"]), text(&no.body["id"]));

    assert!(bench.stripe.authenticate(&yes_id, true));
    assert!(bench.stripe.authenticate(&no_id, false));

    assert_eq!(
        (&yes.body["status"], &yes.body["next_action"]["type"]),
        (&json!("requires_action"), &json!("use_stripe_sdk"))
    );
    assert_eq!(bench.get(&format!("/v1/payment_intents/{yes_id}")).await.body["status"], "requires_capture");
    let failed = bench.get(&format!("/v1/payment_intents/{no_id}")).await.body;
    assert_eq!(failed["status"], "requires_payment_method");
    assert_eq!(failed["last_payment_error"]["code"], "payment_intent_authentication_failure");
    assert!(!bench.stripe.authenticate(&yes_id, true));
}

#[tokio::test]
async fn a_customer_who_is_away_cannot_authenticate() {
    let bench = Bench::new().await;
    let form = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("off_session", "true"),
        ("payment_method", "pm_card_authenticationRequired"),
        CARD[0],
    ];

    let declined = bench.post("/v1/payment_intents", &form).await;

    assert_eq!((declined.status, &declined.body["error"]["code"]), (402, &json!("authentication_required")));
}

#[tokio::test]
async fn a_disputed_charge_is_not_refunded() {
    let bench = Bench::new().await;
    let id = bench.captured("pm_card_createDispute").await;
    let charge =
        bench.get(&format!("/v1/payment_intents/{id}?expand[]=latest_charge")).await.body["latest_charge"].clone();
    let dispute = text(&charge["dispute"]);

    let refund = bench.post("/v1/refunds", &[("payment_intent", &id)]).await;
    let (closed, again) = (
        bench.stripe.close_dispute(&dispute, DisputeOutcome::Lost),
        bench.stripe.close_dispute(&dispute, DisputeOutcome::Won),
    );

    assert_eq!(charge["disputed"], true);
    assert_eq!((refund.status, &refund.body["error"]["code"]), (400, &json!("charge_disputed")));
    assert_eq!((closed, again), (true, false));
    assert_eq!(bench.get(&format!("/v1/disputes/{dispute}")).await.body["status"], "lost");
}

#[tokio::test]
async fn a_refund_that_fails_later_gives_its_amount_back_to_the_charge() {
    let bench = Bench::new().await;
    let id = bench.captured("pm_card_refundFail").await;

    let answered = bench.post("/v1/refunds", &[("payment_intent", &id)]).await;

    let later = bench.get(&format!("/v1/refunds/{}", text(&answered.body["id"]))).await;
    assert_eq!((&answered.body["status"], &later.body["status"]), (&json!("succeeded"), &json!("failed")));
    let entry = bench.stripe.ledger_of(&id);
    assert_eq!((entry.refunds, entry.refunded), (1, 0));
    assert_eq!(bench.get(&format!("/v1/charges/{}", text(&answered.body["charge"]))).await.body["amount_refunded"], 0);
}

#[tokio::test]
async fn a_pending_refund_arrives_on_request() {
    let bench = Bench::new().await;
    let id = bench.captured("pm_card_pendingRefund").await;
    let refund = bench.post("/v1/refunds", &[("payment_intent", &id)]).await;
    let refund_id = text(&refund.body["id"]);

    assert_eq!(refund.body["status"], "pending");
    assert!(bench.stripe.complete_refund(&refund_id));
    assert_eq!(bench.get(&format!("/v1/refunds/{refund_id}")).await.body["status"], "succeeded");
    assert!(bench.stripe.fail_refund(&refund_id), "a refund can still come back after it succeeded");
}
