//! Random lives of an escrow, with faults and events: held = released + refunded + remaining at every step, and in the end what the
//! sandbox counted.

use std::time::Duration;

use devkit::fault::Fault as StripeFault;
use devkit::rest::Fault;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::escrow_bench::{ADMIN, PARTNER, Shop, amounts, order, text};

#[derive(Clone, Debug)]
enum Step {
    Release(Option<i64>),
    Refund(Option<i64>),
    Dispute,
    Resolve(&'static str, i64),
    Cancel,
    /// Every event so far, from the last to the first.
    Events {
        reversed: bool,
    },
    Fallbacks,
    /// The next call to Stripe goes wrong.
    Stripe(StripeFault),
    /// The n-th call to Redis from here goes wrong, for good.
    Redis(u64, Fault),
    /// The authorisation runs out.
    Expire,
    /// The newest refund comes back.
    FailRefund,
    /// Somebody refunds or captures in Stripe's dashboard.
    Dashboard {
        refund: bool,
        amount: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let part = prop_oneof![Just(None), (1_i64..10_000).prop_map(Some)];
    let lost = prop_oneof![
        Just(StripeFault::AnswerLost),
        Just(StripeFault::Closed),
        Just(StripeFault::Status { status: 500 }),
        Just(StripeFault::Crash { done: true }),
        Just(StripeFault::Crash { done: false }),
    ];
    let redis = prop_oneof![Just(Fault::Refused), Just(Fault::ReplyLost), Just(Fault::StatusAfter(502))];
    prop_oneof![
        4 => part.clone().prop_map(Step::Release),
        6 => prop_oneof![Just(None), (1_i64..3_000).prop_map(Some)].prop_map(Step::Refund),
        2 => Just(Step::Dispute),
        2 => (prop_oneof![Just("release"), Just("refund"), Just("split")], 1_i64..10_000)
            .prop_map(|(how, amount)| Step::Resolve(how, amount)),
        1 => Just(Step::Cancel),
        2 => any::<bool>().prop_map(|reversed| Step::Events { reversed }),
        2 => Just(Step::Fallbacks),
        3 => lost.prop_map(Step::Stripe),
        3 => (1_u64..4, redis).prop_map(|(n, fault)| Step::Redis(n, fault)),
        1 => Just(Step::Expire),
        1 => Just(Step::FailRefund),
        1 => (any::<bool>(), 1_i64..5_000).prop_map(|(refund, amount)| Step::Dashboard { refund, amount }),
    ]
}

/// Most lives get somewhere: what is done to an escrow nobody paid is soon said.
fn beginning() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        2 => Just(vec![]),
        3 => Just(vec![Step::Release(None)]),
        2 => (1_i64..10_000).prop_map(|amount| vec![Step::Release(Some(amount))]),
        1 => Just(vec![Step::Dispute]),
        1 => Just(vec![Step::Stripe(StripeFault::AnswerLost), Step::Release(None)]),
    ]
}

/// The cards: one that pays, one whose refunds fail, one whose refunds stay pending, one that asks first.
fn card() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        3 => Just("pm_card_visa"),
        1 => Just("pm_card_refundFail"),
        1 => Just("pm_card_pendingRefund"),
        1 => Just("pm_card_authenticationRequired"),
    ]
}

#[test]
fn whatever_happens_the_amounts_add_up_and_agree_with_stripe() {
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let life = (card(), beginning(), prop::collection::vec(step(), 1..14));
    let checked = runner.run(&life, |(card, beginning, steps)| {
        let steps: Vec<Step> = beginning.into_iter().chain(steps).collect();
        runtime.block_on(live(card, &steps)).map_err(TestCaseError::fail)
    });
    checked.unwrap();
}

async fn live(card: &'static str, steps: &[Step]) -> Result<(), String> {
    let t = Shop::new().await;
    let mut body = order();
    body["paymentMethod"] = card.into();
    let created = t.post(PARTNER, "create", "/api/escrow/create", &body).await;
    let id = text(&created.body["escrowId"]);
    let intent = text(&created.body["paymentIntentId"]);
    for (index, step) in steps.iter().enumerate() {
        take(&t, &id, &intent, index, step).await;
        t.bench.advance(Duration::from_secs(61));
        check(&t, &id, step).await?;
    }
    settle_down(&t).await;
    agrees(&t, &id).await
}

async fn take(t: &Shop, id: &str, intent: &str, index: usize, step: &Step) {
    let key = format!("step-{index}");
    let act = async |caller: &str, path: &str, more: Value| {
        let mut body = json!({ "escrowId": id });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = format!("/api/escrow/{path}");
        let first = t.post(caller, &key, &path, &body).await;
        t.bench.rest.faults().clear();
        // A caller who does not know asks again.
        if matches!(first.status, 202 | 503) && index.is_multiple_of(2) {
            t.post(caller, &key, &path, &body).await;
        }
    };
    let amount = |amount: &Option<i64>| amount.map_or(json!({}), |amount| json!({ "amount": amount }));
    match step {
        Step::Release(part) => act(PARTNER, "release", amount(part)).await,
        Step::Refund(part) => act(ADMIN, "refund", amount(part)).await,
        Step::Dispute => act(PARTNER, "dispute", json!({})).await,
        Step::Resolve("split", part) => {
            act(ADMIN, "resolve", json!({ "resolution": "split", "releaseAmount": part })).await;
        }
        Step::Resolve(how, _) => act(ADMIN, "resolve", json!({ "resolution": how })).await,
        Step::Cancel => act(PARTNER, "cancel", json!({})).await,
        Step::Events { reversed } => events(t, *reversed).await,
        Step::Fallbacks => {
            t.try_fallbacks().await;
            t.bench.rest.faults().clear();
        }
        Step::Stripe(fault) => t.stripe.faults().next(1, fault.clone()),
        Step::Redis(n, fault) => t.bench.rest.faults().crash_at(*n, *fault),
        Step::Expire => drop(t.stripe.expire(intent)),
        Step::FailRefund => {
            if let Some(event) = t.events("refund.created").last() {
                t.stripe.fail_refund(&text(&event["data"]["object"]["id"]));
            }
        }
        Step::Dashboard { refund, amount } => t.dashboard(intent, *refund, *amount).await,
    }
}

async fn events(t: &Shop, reversed: bool) {
    let mut events = t.stripe.event_log();
    if reversed {
        events.reverse();
    }
    for event in &events {
        t.event(event).await;
    }
    t.bench.rest.faults().clear();
}

/// Lets everything that is under way end.
async fn settle_down(t: &Shop) {
    t.bench.rest.faults().clear();
    t.stripe.faults().clear();
    for _ in 0..3 {
        t.bench.advance(Duration::from_hours(1));
        t.fallbacks().await;
        events(t, false).await;
    }
}

async fn check(t: &Shop, id: &str, step: &Step) -> Result<(), String> {
    // What a fault of Redis' is for, comes with the next operation.
    if matches!(step, Step::Redis(..)) {
        return Ok(());
    }
    t.bench.rest.faults().clear();
    let body = t.get(ADMIN, id).await.body;
    let [held, released, refunded, remaining] = amounts(&body);
    if held != released + refunded + remaining {
        return Err(format!("after {step:?}: {body}"));
    }
    Ok(())
}

async fn agrees(t: &Shop, id: &str) -> Result<(), String> {
    let body = t.get(ADMIN, id).await.body;
    let ledger = t.ledger();
    let held = if ledger.authorisations > 0 { 10_000 } else { 0 };
    let released = ledger.captured - ledger.refunded;
    let gone = ledger.captures + ledger.cancels > 0;
    let expected = if gone { [held, released, held - released, 0] } else { [held, 0, 0, held] };
    let status = text(&body["status"]);
    if amounts(&body) != expected || status.ends_with("ing") || ledger.captures > 1 {
        return Err(format!("the sandbox has {ledger:?}, the escrow is {body:#}"));
    }
    let jobs = t.jobs().await;
    for mail in ["send_release_email", "notify_dispute_resolved", "send_payment_confirmed_email"] {
        if jobs.get(mail).is_some_and(|count| *count > 1) && mail != "send_release_email" {
            return Err(format!("{mail} twice: {jobs:?}"));
        }
    }
    Ok(())
}
