//! Captures and refunds, against a sandbox that replays keys, refuses misuse and keeps a ledger of what was really done.

use std::time::Duration;

use devkit::fault::Fault;
use devkit::stripe::LedgerEntry;
use holdfast::domain::job::JobType::{StripeCapturePayment as Capture, StripeRefundPayment as Refund};
use holdfast::domain::outcome::{FailureKind, Outcome};

use crate::workers_bench::WorkersBench;

/// Everything that leaves Stripe's answer unknown, whether or not the work was done.
fn unknown() -> Vec<Fault> {
    vec![
        Fault::AnswerLost,
        Fault::AnswerCut,
        Fault::Crash { done: true },
        Fault::Status { status: 503 },
        Fault::Status { status: 409 },
        Fault::BadGateway,
        Fault::Closed,
        Fault::RateLimited { retry_after_secs: 1 },
    ]
}

fn payload(id: &str, amount: i64) -> String {
    format!(r#"{{"paymentIntentId":"{id}","escrowId":"esc_1","amount":{amount},"reason":"never arrived"}}"#)
}

#[tokio::test]
async fn a_capture_happens_once_whatever_becomes_of_the_answer() {
    let t = WorkersBench::new().await;
    for fault in unknown() {
        let id = t.held().await;
        t.stripe.faults().next_on("/capture", 1, fault.clone());

        let first = t.run("job-1", Capture, &payload(&id, 700)).await;
        let second = t.run("job-1", Capture, &payload(&id, 700)).await;
        t.stripe.forget_idempotency_keys();
        let third = t.run("job-1", Capture, &payload(&id, 700)).await;

        assert!(matches!(&first, Outcome::Failed(failure) if failure.kind.is_retryable()), "{fault:?}: {first:?}");
        assert_eq!((second, third), (Outcome::Completed, Outcome::Completed), "{fault:?}");
        let ledger = t.stripe.ledger_of(&id);
        assert_eq!((ledger.captures, ledger.captured), (1, 700), "{fault:?}");
    }
}

#[tokio::test]
async fn a_payment_the_release_captured_is_captured_already() {
    let t = WorkersBench::new().await;
    let id = t.captured("700").await;

    let same = t.run("job-1", Capture, &payload(&id, 700)).await;
    let more = t.fail("job-2", Capture, &payload(&id, 701)).await;

    assert_eq!(same, Outcome::Completed);
    assert_eq!(
        (more.kind, more.message.as_str()),
        (FailureKind::Rejected, "700 minor units were captured and the rest released, 701 were asked for")
    );
    assert_eq!(t.stripe.ledger_of(&id).captures, 1);
}

#[tokio::test]
async fn two_captures_at_once_are_one() {
    let t = WorkersBench::new().await;
    let id = t.held().await;
    let ours = payload(&id, 700);
    let theirs = ours.replace('}', r#","idempotencyKey":"esc_1:release:2"}"#);
    t.stripe.faults().next_on("/capture", 1, Fault::Slow { ms: 200 });

    let (fallback, release) = tokio::join!(t.run("job-1", Capture, &ours), t.run("job-2", Capture, &theirs));
    let again = t.run("job-1", Capture, &ours).await;

    assert!([&fallback, &release].contains(&&Outcome::Completed), "{fallback:?} {release:?}");
    assert_eq!(again, Outcome::Completed);
    assert_eq!(t.stripe.ledger_of(&id).captures, 1);
}

#[tokio::test]
async fn what_can_never_be_captured_is_final() {
    let t = WorkersBench::new().await;
    let id = t.held().await;
    let beyond = t.fail("job-1", Capture, &payload(&id, 1_001)).await;
    t.stripe_post(&format!("/v1/payment_intents/{id}/cancel"), &[]).await;
    let canceled = t.fail("job-2", Capture, &payload(&id, 1_000)).await;
    let unknown = t.fail("job-3", Capture, &payload("pi_nobody", 1)).await;

    assert_eq!(
        [beyond.kind, canceled.kind, unknown.kind],
        [FailureKind::Rejected, FailureKind::Rejected, FailureKind::Rejected]
    );
    assert_eq!(beyond.message, "1000 minor units are held, a capture of 1001 was asked for");
    assert_eq!(canceled.message, "the payment intent was canceled: there is nothing to capture");
    assert!(
        unknown.message.starts_with("Stripe answered status 404, code resource_missing, param intent, request req_"),
        "{unknown}"
    );
    assert_eq!(t.stripe.ledger_of(&id).captures, 0);
}

#[tokio::test]
async fn a_refund_happens_once_whatever_becomes_of_the_answer() {
    let t = WorkersBench::new().await;
    for fault in unknown() {
        let id = t.captured("600").await;
        t.stripe.faults().next_on("POST /v1/refunds", 1, fault.clone());

        let first = t.run("job-1", Refund, &payload(&id, 100)).await;
        // A crash is replayed under its key until Stripe forgets it, but the refund is found all the same.
        let second = t.run("job-1", Refund, &payload(&id, 100)).await;
        t.stripe.forget_idempotency_keys();
        let third = t.run("job-1", Refund, &payload(&id, 100)).await;

        assert!(matches!(&first, Outcome::Failed(failure) if failure.kind.is_retryable()), "{fault:?}: {first:?}");
        assert_eq!((second, third), (Outcome::Completed, Outcome::Completed), "{fault:?}");
        let ledger = t.stripe.ledger_of(&id);
        assert_eq!((ledger.refunds, ledger.refunded), (1, 100), "{fault:?}");
        t.stripe.forget_idempotency_keys();
    }
}

#[tokio::test]
async fn a_payment_is_refunded_in_parts_up_to_what_was_captured() {
    let t = WorkersBench::new().await;
    let id = t.captured("600").await;
    let all = format!(r#"{{"paymentIntentId":"{id}"}}"#);

    let part = t.run("job-1", Refund, &payload(&id, 200)).await;
    let beyond = t.fail("job-2", Refund, &payload(&id, 401)).await;
    let rest = t.run("job-3", Refund, &all).await;
    let nothing_left = t.run("job-4", Refund, &all).await;

    assert_eq!((part, rest, nothing_left), (Outcome::Completed, Outcome::Completed, Outcome::Completed));
    assert_eq!(
        (beyond.kind, beyond.message.as_str()),
        (FailureKind::Rejected, "400 minor units are left to refund, 401 were asked for")
    );
    let ledger = t.stripe.ledger_of(&id);
    assert_eq!((ledger.refunds, ledger.refunded), (2, 600));
}

#[tokio::test]
async fn a_refund_without_an_amount_is_repeated_as_it_was_whatever_was_refunded_in_between() {
    let t = WorkersBench::new().await;
    let id = t.captured("600").await;
    let all = format!(r#"{{"paymentIntentId":"{id}"}}"#);
    t.stripe.faults().next_on("POST /v1/refunds", 1, Fault::Crash { done: false });

    let first = t.fail("job-1", Refund, &all).await;
    t.stripe_post("/v1/refunds", &[("payment_intent", id.as_str()), ("amount", "100")]).await;
    let second = t.fail("job-1", Refund, &all).await;
    t.stripe.forget_idempotency_keys();
    let third = t.run("job-1", Refund, &all).await;

    for failure in [first, second] {
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.message.starts_with("Stripe answered status 500"), "{failure}");
    }
    assert_eq!(third, Outcome::Completed);
    let ledger = t.stripe.ledger_of(&id);
    assert_eq!((ledger.refunds, ledger.refunded), (2, 600));
}

#[tokio::test]
async fn money_that_is_only_held_is_let_go_whole() {
    let t = WorkersBench::new().await;
    for fault in unknown() {
        let id = t.held().await;
        t.stripe.faults().next_on("/cancel", 1, fault.clone());

        let part = t.fail("job-1", Refund, &payload(&id, 300)).await;
        let first = t.run("job-1", Refund, &payload(&id, 1_000)).await;
        let second = t.run("job-1", Refund, &payload(&id, 1_000)).await;

        assert_eq!(part.kind, FailureKind::Rejected);
        assert!(matches!(&first, Outcome::Failed(failure) if failure.kind.is_retryable()), "{fault:?}: {first:?}");
        assert_eq!(second, Outcome::Completed, "{fault:?}");
        let expected = LedgerEntry { authorisations: 1, cancels: 1, ..LedgerEntry::default() };
        assert_eq!(t.stripe.ledger_of(&id), expected, "{fault:?}");
        t.stripe.forget_idempotency_keys();
    }
}

#[tokio::test]
async fn money_that_was_captured_since_it_could_not_be_let_go_is_refunded_by_the_same_job() {
    let t = WorkersBench::new().await;
    let id = t.held().await;
    let all = format!(r#"{{"paymentIntentId":"{id}"}}"#);
    t.stripe.faults().next_on("/cancel", 1, Fault::Crash { done: false });

    let first = t.fail("job-1", Refund, &all).await;
    t.stripe_post(&format!("/v1/payment_intents/{id}/capture"), &[]).await;
    let second = t.run("job-1", Refund, &all).await;

    assert_eq!(first.kind, FailureKind::Unavailable);
    assert_eq!(second, Outcome::Completed);
    let ledger = t.stripe.ledger_of(&id);
    assert_eq!((ledger.cancels, ledger.refunds, ledger.refunded), (0, 1, 1_000));
}

#[tokio::test]
async fn stripe_is_given_the_time_it_asks_for_and_never_blamed_for_our_key() {
    let t = WorkersBench::new().await;
    t.stripe.faults().next(1, Fault::RateLimited { retry_after_secs: 9 });
    let busy = t.fail("job-1", Capture, &payload("pi_1", 1)).await;
    assert_eq!((busy.kind, busy.retry_after), (FailureKind::Throttled, Some(Duration::from_secs(9))));

    let t = WorkersBench::with(&[("STRIPE_SECRET_KEY", "sk_test_other")]).await;
    let refused = t.fail("job-1", Capture, &payload("pi_1", 1)).await;
    assert_eq!(refused.kind, FailureKind::Configuration);
    assert!(refused.message.starts_with("Stripe refused the key in STRIPE_SECRET_KEY: status 401"), "{refused}");
    assert!(!refused.message.contains("sk_test"), "{refused}");
}
