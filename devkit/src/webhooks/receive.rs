//! One delivery: verified, written down, answered.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde::Serialize;
use standardwebhooks::Webhook;

use super::{Reply, WebhookSink};
use crate::journal::header;
use crate::{clock, fault, serve};

/// A delivery as it came.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// `webhook-id`: the same over all tries of one message.
    pub id: Option<String>,
    /// `webhook-timestamp`, in seconds since 1970, as it was written.
    pub timestamp: Option<String>,
    /// When it came, in milliseconds since 1970.
    pub received_at_ms: i64,
    /// Whether the signature and the timestamp are right.
    pub verified: bool,
    /// Why not.
    pub reason: Option<String>,
    /// How many deliveries with this id there were, this one included.
    pub attempt: usize,
    /// The path it was posted to, without the one the sink is mounted under.
    pub path: String,
    /// Every header that is text, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte where it is UTF-8.
    pub body: String,
    /// The status it was answered with; `None` while it waits, and for good when it hangs.
    pub answered: Option<u16>,
}

pub(super) async fn receive(State(sink): State<WebhookSink>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let reason = verify(&sink.secrets.lock(), &headers, &body).err();
    let verified = reason.is_none();
    let usual = reason.clone().map_or_else(
        || StatusCode::OK.into_response(),
        |reason| (StatusCode::UNAUTHORIZED, Json(serde_json::json!({ "error": reason }))).into_response(),
    );
    let index = write_down(&sink, &uri, &headers, &body, reason);
    tracing::debug!(webhook.verified = verified, "received a webhook");
    let response = match sink.replies.take(&format!("POST {}", uri.path())) {
        Some(reply) => answer(reply, usual).await,
        None => usual,
    };
    if let Some(received) = sink.received.lock().get_mut(index) {
        received.answered = serve::status_seen(&response);
    }
    response
}

fn write_down(sink: &WebhookSink, uri: &Uri, headers: &HeaderMap, body: &Bytes, reason: Option<String>) -> usize {
    let mut all = sink.received.lock();
    let id = header(headers, "webhook-id");
    let before = all.iter().filter(|earlier| id.is_some() && earlier.id == id).count();
    all.push(Received {
        timestamp: header(headers, "webhook-timestamp"),
        received_at_ms: clock::now_ms(),
        verified: reason.is_none(),
        reason,
        attempt: before + 1,
        path: uri.path().to_owned(),
        headers: headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect(),
        body: String::from_utf8_lossy(body).into_owned(),
        answered: None,
        id,
    });
    sink.count.send_replace(all.len());
    all.len() - 1
}

/// Whether one of the secrets made the signature; else the reason the last one gives.
fn verify(secrets: &[String], headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    let mut result = Err("the sink has no secret".to_owned());
    for secret in secrets {
        result =
            Webhook::new(secret).and_then(|webhook| webhook.verify(body, headers)).map_err(|error| error.to_string());
        if result.is_ok() {
            break;
        }
    }
    result
}

async fn answer(reply: Reply, usual: Response) -> Response {
    match reply {
        Reply::Status { status, retry_after_secs } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let retry_after = retry_after_secs.map(|secs| (RETRY_AFTER, HeaderValue::from(secs)));
            with_header(status, retry_after)
        }
        Reply::Redirect { location } => {
            with_header(StatusCode::FOUND, HeaderValue::try_from(location).ok().map(|value| (LOCATION, value)))
        }
        Reply::Slow { ms } => {
            fault::pause(ms).await;
            usual
        }
        Reply::Hang => std::future::pending().await,
        Reply::Closed => serve::sever(),
    }
}

fn with_header(status: StatusCode, header: Option<(HeaderName, HeaderValue)>) -> Response {
    let mut response = status.into_response();
    response.headers_mut().extend(header);
    response
}
