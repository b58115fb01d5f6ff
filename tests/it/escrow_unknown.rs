//! What is not known yet stays so until it is known: lost answers, failures that Stripe keeps, keys that changed in between.

use devkit::fault::Fault as StripeFault;
use serde_json::json;

use crate::escrow_bench::Shop;

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
