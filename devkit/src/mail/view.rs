//! The outbox for people, and its controls over HTTP.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;

use super::{Mail, MailEvent, Outbox};
use crate::fault::Fault;
use crate::plan::Rule;

pub(super) fn pages(outbox: &Outbox, base: &str) -> Router {
    Router::new()
        .route(&format!("{base}.json"), get(json))
        .route(
            &format!("{base}/control/faults"),
            post(plan_fault).delete(clear_faults),
        )
        .route(&format!("{base}/control/mails/{{id}}/event"), post(report))
        .with_state(outbox.clone())
}

async fn json(State(outbox): State<Outbox>) -> Json<Vec<Mail>> {
    Json(outbox.mails().into_iter().rev().collect())
}

async fn plan_fault(State(outbox): State<Outbox>, Json(rule): Json<Rule<Fault>>) -> StatusCode {
    outbox.faults.add(rule);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(outbox): State<Outbox>) -> StatusCode {
    outbox.faults.clear();
    StatusCode::NO_CONTENT
}

/// What happened to a mail, as a control asks for it.
#[derive(Deserialize)]
struct Report {
    #[serde(rename = "type")]
    event: MailEvent,
}

async fn report(
    State(outbox): State<Outbox>,
    Path(id): Path<String>,
    Json(report): Json<Report>,
) -> StatusCode {
    if outbox.report(&id, report.event) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}
