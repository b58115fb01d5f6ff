//! The sandbox for people, and the same as JSON.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::model::{Charge, Dispute, DisputeOutcome, Intent, IntentStatus, Refund, RefundStatus};
use super::store::Store;
use super::{StripeSandbox, controls, currency, view};
use crate::clock;
use crate::page::{self, CallRow, DeliveryRow, Tone};
use crate::plan::Rule;

#[derive(Clone)]
struct Pages {
    sandbox: StripeSandbox,
    base: String,
}

pub(super) fn router(sandbox: &StripeSandbox, base: &str) -> Router {
    Router::new()
        .route(base, get(page))
        .route(&format!("{base}.json"), get(state))
        .with_state(Pages { sandbox: sandbox.clone(), base: base.to_owned() })
        .merge(controls::router(sandbox, base))
}

async fn state(State(Pages { sandbox, .. }): State<Pages>) -> Json<Value> {
    let (deliveries, calls, faults) = (sandbox.postman.deliveries(), sandbox.calls(), sandbox.faults.pending());
    let store = sandbox.store.lock();
    let with_ledger = |intent: &Intent| {
        let mut object = view::intent(intent);
        object["ledger"] = json!(intent.ledger);
        object
    };
    Json(json!({
        "paymentIntents": store.intents.newest_first().map(with_ledger).collect::<Vec<_>>(),
        "charges": store.charges.newest_first().map(view::charge).collect::<Vec<_>>(),
        "refunds": store.refunds.newest_first().map(view::refund).collect::<Vec<_>>(),
        "disputes": store.disputes.newest_first().map(view::dispute).collect::<Vec<_>>(),
        "events": store.events.newest_first().collect::<Vec<_>>(),
        "deliveries": deliveries.iter().rev().collect::<Vec<_>>(),
        "calls": calls.iter().rev().collect::<Vec<_>>(),
        "faults": faults,
    }))
}

#[derive(Template)]
#[template(path = "stripe.html")]
struct Page {
    base: String,
    intents: Vec<IntentRow>,
    charges: Vec<ChargeRow>,
    refunds: Vec<RefundRow>,
    disputes: Vec<DisputeRow>,
    events: usize,
    example: &'static str,
    pending: Vec<String>,
    deliveries: Vec<DeliveryRow>,
    resend: bool,
    calls: Vec<CallRow>,
}

async fn page(State(Pages { sandbox, base }): State<Pages>) -> Response {
    let deliveries = sandbox.postman.deliveries().into_iter().rev().map(DeliveryRow::from).collect();
    let calls = sandbox.calls().into_iter().rev().map(CallRow::from).collect();
    let pending = sandbox.faults.pending().iter().map(Rule::summary).collect();
    let page = {
        let store = sandbox.store.lock();
        Page {
            base,
            intents: store.intents.newest_first().map(|intent| IntentRow::of(&store, intent)).collect(),
            charges: store.charges.newest_first().map(ChargeRow::of).collect(),
            refunds: store.refunds.newest_first().map(RefundRow::of).collect(),
            disputes: store.disputes.newest_first().map(DisputeRow::of).collect(),
            events: store.events.newest_first().count(),
            example: "/capture",
            pending,
            deliveries,
            resend: true,
            calls,
        }
    };
    page::render(&page)
}

struct IntentRow {
    id: String,
    time: String,
    description: String,
    amount: String,
    captured: String,
    refunded: String,
    status: &'static str,
    tone: Tone,
    note: String,
    held: bool,
    asks: bool,
}

impl IntentRow {
    fn of(store: &Store, intent: &Intent) -> Self {
        let tone = match intent.status {
            IntentStatus::Succeeded => Tone::Good,
            IntentStatus::RequiresCapture | IntentStatus::RequiresAction => Tone::Waiting,
            IntentStatus::RequiresPaymentMethod if intent.last_payment_error.is_some() => Tone::Bad,
            _ => Tone::Quiet,
        };
        let declined = intent.last_payment_error.as_ref().map(|error| match error["decline_code"].as_str() {
            Some(reason) => format!("declined: {reason}"),
            None => "authentication failed".to_owned(),
        });
        let charge = intent.latest_charge.as_ref().and_then(|id| store.charges.get(id));
        let held_until = charge
            .filter(|_| intent.status == IntentStatus::RequiresCapture)
            .and_then(|charge| charge.capture_before)
            .map(|end| format!("until {}", clock::rfc3339(end * 1000)));
        let money = |amount| currency::display(amount, &intent.currency);
        Self {
            id: intent.id.clone(),
            time: clock::time_of_day(intent.created * 1000),
            description: intent.texts.description.clone().unwrap_or_default(),
            amount: money(intent.amount),
            captured: money(intent.ledger.captured),
            refunded: money(intent.ledger.refunded),
            status: intent.status.name(),
            tone,
            note: declined.or(intent.cancellation_reason.clone()).or(held_until).unwrap_or_default(),
            held: intent.status == IntentStatus::RequiresCapture,
            asks: intent.status == IntentStatus::RequiresAction,
        }
    }
}

struct ChargeRow {
    id: String,
    intent: String,
    card: String,
    captured: String,
    given_back: String,
    state: &'static str,
    tone: Tone,
    disputable: bool,
}

impl ChargeRow {
    fn of(charge: &Charge) -> Self {
        let (state, tone) = if charge.failure.is_some() {
            ("declined", Tone::Bad)
        } else if charge.dispute.is_some() {
            ("disputed", Tone::Bad)
        } else if charge.captured {
            ("captured", Tone::Good)
        } else if charge.amount_refunded > 0 {
            ("released", Tone::Quiet)
        } else {
            ("held", Tone::Waiting)
        };
        let money = |amount| currency::display(amount, &charge.currency);
        Self {
            id: charge.id.clone(),
            intent: charge.intent.clone(),
            card: format!("{} {}", charge.card.brand, charge.card.last4),
            captured: money(charge.amount_captured),
            given_back: money(charge.amount_refunded),
            state,
            tone,
            disputable: charge.captured && charge.dispute.is_none(),
        }
    }
}

struct RefundRow {
    id: String,
    intent: String,
    amount: String,
    reason: String,
    status: &'static str,
    tone: Tone,
    pending: bool,
    failed: bool,
}

impl RefundRow {
    fn of(refund: &Refund) -> Self {
        Self {
            id: refund.id.clone(),
            intent: refund.intent.clone(),
            amount: currency::display(refund.amount, &refund.currency),
            reason: refund.reason.clone().unwrap_or_default(),
            status: refund.status.name(),
            tone: match refund.status {
                RefundStatus::Pending => Tone::Waiting,
                RefundStatus::Succeeded => Tone::Good,
                RefundStatus::Failed => Tone::Bad,
            },
            pending: refund.status == RefundStatus::Pending,
            failed: refund.status == RefundStatus::Failed,
        }
    }
}

struct DisputeRow {
    id: String,
    charge: String,
    amount: String,
    status: &'static str,
    tone: Tone,
    open: bool,
}

impl DisputeRow {
    fn of(dispute: &Dispute) -> Self {
        let (status, tone) = match dispute.outcome {
            None => ("needs_response", Tone::Waiting),
            Some(DisputeOutcome::Won) => ("won", Tone::Good),
            Some(DisputeOutcome::Lost) => ("lost", Tone::Bad),
        };
        Self {
            id: dispute.id.clone(),
            charge: dispute.charge.clone(),
            amount: currency::display(dispute.amount, &dispute.currency),
            status,
            tone,
            open: dispute.outcome.is_none(),
        }
    }
}
