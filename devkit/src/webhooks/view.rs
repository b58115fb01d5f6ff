//! What the sink received, as JSON and as a page, and its controls over HTTP.
//!
//! A POST to `base/control/replies` plans an answer, such as
//! `{"reply":"status","status":429,"retryAfterSecs":5,"times":2}`; one to
//! `base/control/replies/clear` forgets what is planned.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::Value;

use super::{Received, Reply, WebhookSink};
use crate::clock;
use crate::control::{Refused, Sent};
use crate::page::{self, Tone};
use crate::plan::Rule;

#[derive(Clone)]
struct Pages {
    sink: WebhookSink,
    base: String,
}

pub(super) fn pages(sink: &WebhookSink, base: &str) -> Router {
    Router::new()
        .route(base, get(page))
        .route(&format!("{base}.json"), get(json))
        .route(&format!("{base}/control/replies"), post(plan_reply))
        .route(&format!("{base}/control/replies/clear"), post(clear_replies))
        .with_state(Pages { sink: sink.clone(), base: base.to_owned() })
}

/// A delivery with its body also parsed, for readers of the JSON.
#[derive(Serialize)]
struct WithEvent {
    #[serde(flatten)]
    received: Received,
    /// The body, where it is JSON.
    event: Option<Value>,
}

async fn json(State(pages): State<Pages>) -> Json<Vec<WithEvent>> {
    let newest_first = pages.sink.received().into_iter().rev();
    Json(
        newest_first.map(|received| WithEvent { event: serde_json::from_str(&received.body).ok(), received }).collect(),
    )
}

async fn plan_reply(State(pages): State<Pages>, sent: Sent) -> Result<Response, Refused> {
    pages.sink.replies.add(sent.read::<Rule<Reply>>()?);
    Ok(sent.done(&pages.base))
}

async fn clear_replies(State(pages): State<Pages>, sent: Sent) -> Response {
    pages.sink.replies.clear();
    sent.done(&pages.base)
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Page {
    base: String,
    rows: Vec<Row>,
    pending: Vec<String>,
}

struct Row {
    time: String,
    date: String,
    id: String,
    attempt: usize,
    reason: String,
    answered: String,
    tone: Tone,
    summary: String,
    headers: Vec<(String, String)>,
    body: String,
}

async fn page(State(pages): State<Pages>) -> Response {
    let rows = pages.sink.received().into_iter().rev().take(page::ROWS).map(Row::from).collect();
    let pending = pages.sink.replies.pending().iter().map(Rule::summary).collect();
    page::render(&Page { base: pages.base, rows, pending })
}

impl From<Received> for Row {
    fn from(received: Received) -> Self {
        let event = serde_json::from_str::<Value>(&received.body).ok();
        let kind = event.as_ref().and_then(|event| event["type"].as_str()).map(str::to_owned);
        let pretty = event.and_then(|event| serde_json::to_string_pretty(&event).ok());
        Self {
            time: clock::time_of_day(received.received_at_ms),
            date: clock::rfc3339(received.received_at_ms),
            id: received.id.unwrap_or_else(|| "none".to_owned()),
            attempt: received.attempt,
            reason: received.reason.unwrap_or_default(),
            answered: received.answered.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            tone: Tone::of_status(received.answered),
            summary: kind.unwrap_or_else(|| format!("{} bytes", received.body.len())),
            headers: received.headers,
            body: pretty.unwrap_or(received.body),
        }
    }
}
