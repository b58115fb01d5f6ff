//! The sandbox for people, and the same as JSON.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::model::Intent;
use super::rows::{ChargeRow, DisputeRow, IntentRow, RefundRow};
use super::{StripeSandbox, controls, view};
use crate::page::{self, CallRow, DeliveryRow, ROWS};
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
    example: &'static str,
    pending: Vec<String>,
    deliveries: Vec<DeliveryRow>,
    resend: bool,
    calls: Vec<CallRow>,
}

async fn page(State(Pages { sandbox, base }): State<Pages>) -> Response {
    let deliveries = sandbox.postman.deliveries().into_iter().rev().take(ROWS).map(DeliveryRow::from).collect();
    let calls = sandbox.calls().into_iter().rev().take(ROWS).map(CallRow::from).collect();
    let pending = sandbox.faults.pending().iter().map(Rule::summary).collect();
    let page = {
        let store = sandbox.store.lock();
        Page {
            base,
            intents: store.intents.newest_first().take(ROWS).map(|intent| IntentRow::of(&store, intent)).collect(),
            charges: store.charges.newest_first().take(ROWS).map(ChargeRow::of).collect(),
            refunds: store.refunds.newest_first().take(ROWS).map(RefundRow::of).collect(),
            disputes: store.disputes.newest_first().take(ROWS).map(DisputeRow::of).collect(),
            example: "/capture",
            pending,
            deliveries,
            resend: true,
            calls,
        }
    };
    page::render(&page)
}
