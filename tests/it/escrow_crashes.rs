//! A process that dies, and answers that get lost, at every call of an operation: one capture, no side effect lost or doubled.

use std::collections::BTreeMap;
use std::time::Duration;

use devkit::fault::Fault as StripeFault;
use devkit::rest::Fault;
use devkit::stripe::LedgerEntry;
use serde_json::{Value, json};

use crate::escrow_bench::{ADMIN, PARTNER, Reply, Shop, amounts, text};

/// What counts in the end: the state, the amounts, what Stripe did, and the jobs.
type End = (String, [i64; 4], LedgerEntry, BTreeMap<String, i64>);

/// An operation on an escrow whose money is held.
#[derive(Clone, Copy, Debug)]
struct Act {
    path: &'static str,
    key: &'static str,
    caller: &'static str,
}

const RELEASE: Act = Act { path: "/api/escrow/release", key: "act", caller: PARTNER };
const REFUND: Act = Act { path: "/api/escrow/refund", key: "act", caller: ADMIN };

impl Act {
    async fn run(self, t: &Shop, id: &str) -> Reply {
        t.post(self.caller, self.key, self.path, &json!({ "escrowId": id })).await
    }
}

async fn end(t: &Shop, id: &str) -> End {
    let shown = t.get(ADMIN, id).await.body;
    let mut jobs = t.jobs().await;
    // A fallback that ran was not withdrawn; what it did is in the ledger.
    jobs.retain(|kind, _| !kind.starts_with("stripe_"));
    // The audit log tells who moved it, so it has the same number of records.
    (text(&shown["status"]), amounts(&shown), t.ledger(), jobs)
}

async fn undisturbed(act: Act) -> End {
    let t = Shop::new().await;
    let id = t.authorized().await;
    assert_eq!(act.run(&t, &id).await.status, 200);
    end(&t, &id).await
}

/// Runs `act` with a crash at each of its calls to Redis, before and after Redis acts, and then `recover`.
async fn recovers_everywhere<F>(act: Act, recover: impl Fn(Shop, String) -> F)
where
    F: Future<Output = (Shop, String)>,
{
    let expected = undisturbed(act).await;
    for call in 1..=3 {
        for fault in [Fault::Refused, Fault::ReplyLost] {
            let t = Shop::new().await;
            let id = t.authorized().await;
            warm(&t).await;
            t.bench.rest.faults().crash_at(call, fault);
            let died = act.run(&t, &id).await;
            assert_ne!(died.status, 200, "{act:?} call {call} {fault:?}");
            t.bench.rest.faults().clear();

            let (t, id) = recover(t, id).await;

            assert_eq!(end(&t, &id).await, expected, "{act:?} call {call} {fault:?}");
        }
    }
}

/// Has Redis learn the scripts, so that calls are counted from where they matter.
async fn warm(t: &Shop) {
    let unknown = json!({ "escrowId": "esc_unknown" });
    assert_eq!(t.post(ADMIN, "warm", "/api/escrow/release", &unknown).await.status, 404);
}

#[tokio::test]
async fn a_release_or_refund_that_died_is_finished_by_the_same_request() {
    for act in [RELEASE, REFUND] {
        recovers_everywhere(act, async |t: Shop, id: String| {
            t.bench.advance(Duration::from_secs(61));
            let again = act.run(&t, &id).await;
            assert_eq!(again.status, 200, "{again:?}");
            (t, id)
        })
        .await;
    }
}

#[tokio::test]
async fn a_release_or_refund_that_was_begun_is_finished_by_its_fallback() {
    for act in [RELEASE, REFUND] {
        recovers_everywhere(act, async |t: Shop, id: String| {
            t.fallbacks().await;
            // What died before anything was written left nothing: only the caller can ask again.
            if t.status(&id).await == "authorized" {
                act.run(&t, &id).await;
            }
            (t, id)
        })
        .await;
    }
}

#[tokio::test]
async fn fallback_and_repeated_request_together_still_move_the_money_once() {
    for act in [RELEASE, REFUND] {
        recovers_everywhere(act, async |t: Shop, id: String| {
            t.fallbacks().await;
            let first = act.run(&t, &id).await;
            assert_eq!(first.status, 200, "{first:?}");
            t.fallbacks().await;
            assert_eq!(act.run(&t, &id).await.body, first.body);
            (t, id)
        })
        .await;
    }
}

#[tokio::test]
async fn an_answer_of_stripes_that_is_lost_is_202_and_never_a_failure() {
    let faults = [
        StripeFault::AnswerLost,
        StripeFault::AnswerCut,
        StripeFault::Closed,
        StripeFault::BadGateway,
        StripeFault::Status { status: 500 },
        StripeFault::Status { status: 409 },
        StripeFault::RateLimited { retry_after_secs: 1 },
    ];
    for act in [RELEASE, REFUND] {
        let expected = undisturbed(act).await;
        for fault in &faults {
            for by_fallback in [true, false] {
                let t = Shop::new().await;
                let id = t.authorized().await;
                t.stripe.faults().next(1, fault.clone());

                let unknown = act.run(&t, &id).await;

                assert_eq!(unknown.status, 202, "{fault:?} {unknown:?}");
                assert!(text(&unknown.body["status"]).ends_with("ing"), "{unknown:?}");
                if by_fallback {
                    t.fallbacks().await;
                }
                let again = act.run(&t, &id).await;
                assert_eq!(again.status, 200, "{fault:?} {again:?}");
                assert_eq!(end(&t, &id).await, expected, "{act:?} {fault:?} by fallback: {by_fallback}");
            }
        }
    }
}

#[tokio::test]
async fn a_fallback_waits_for_stripe_as_long_as_it_takes() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    t.stripe.faults().next(9, StripeFault::Status { status: 503 });
    assert_eq!(RELEASE.run(&t, &id).await.status, 202);

    for _ in 0..12 {
        t.fallbacks().await;
        t.bench.advance(Duration::from_mins(10));
    }

    assert_eq!((t.status(&id).await.as_str(), t.ledger().captures), ("released", 1));
}

#[tokio::test]
async fn a_creation_that_died_is_finished_by_the_same_request_with_one_payment() {
    let created = async |t: &Shop| t.create("pm_card_visa").await;
    let ended = |t: &Shop| (t.stripe.ledger().len(), t.ledger());
    let expected = {
        let t = Shop::new().await;
        let reply = created(&t).await;
        (ended(&t), t.jobs().await, reply.body["status"].clone())
    };
    for call in 1..=3 {
        for fault in [Fault::Refused, Fault::ReplyLost] {
            let t = Shop::new().await;
            warm_creation(&t).await;
            t.bench.rest.faults().crash_at(call, fault);
            let died = created(&t).await;
            assert_ne!(died.status, 201, "call {call} {fault:?}");
            t.bench.rest.faults().clear();
            t.bench.advance(Duration::from_secs(61));

            let again = created(&t).await;

            assert_eq!(again.status, 201, "call {call} {fault:?}: {again:?}");
            assert_eq!((ended(&t), t.jobs().await, again.body["status"].clone()), expected, "call {call} {fault:?}");
        }
    }
}

async fn warm_creation(t: &Shop) {
    let reply = t.post(PARTNER, "warm", "/api/escrow/create", &Value::Null).await;
    assert_eq!(reply.status, 422, "{reply:?}");
}

#[tokio::test]
async fn without_redis_no_money_moves() {
    let t = Shop::new().await;
    let id = t.authorized().await;
    let before = t.stripe.calls().len();
    t.bench.rest.faults().always(Fault::Refused);

    let reply = RELEASE.run(&t, &id).await;

    assert_eq!((reply.status, &reply.body["retry"]), (503, &json!("same_key")));
    assert_eq!(t.stripe.calls().len(), before);
}
