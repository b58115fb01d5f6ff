//! What the sink received, as JSON and as a page, and its controls over HTTP.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::{Received, Reply, WebhookSink};
use crate::plan::Rule;

pub(super) fn pages(sink: &WebhookSink, base: &str) -> Router {
    Router::new()
        .route(&format!("{base}.json"), get(json))
        .route(
            &format!("{base}/replies"),
            post(plan_reply).delete(clear_replies),
        )
        .with_state(sink.clone())
}

/// A delivery with its body also parsed, for readers of the JSON.
#[derive(Serialize)]
struct WithEvent {
    #[serde(flatten)]
    received: Received,
    /// The body, where it is JSON.
    event: Option<Value>,
}

async fn json(State(sink): State<WebhookSink>) -> Json<Vec<WithEvent>> {
    let newest_first = sink.received().into_iter().rev();
    Json(
        newest_first
            .map(|received| WithEvent {
                event: serde_json::from_str(&received.body).ok(),
                received,
            })
            .collect(),
    )
}

async fn plan_reply(State(sink): State<WebhookSink>, Json(rule): Json<Rule<Reply>>) -> StatusCode {
    sink.replies.add(rule);
    StatusCode::NO_CONTENT
}

async fn clear_replies(State(sink): State<WebhookSink>) -> StatusCode {
    sink.replies.clear();
    StatusCode::NO_CONTENT
}
