//! Pages for people: one layout, no scripts, nothing fetched from elsewhere, every value escaped.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, StatusCode};

use crate::clock;
use crate::journal::CallRecord;
use crate::postman::{Delivery, DeliveryState};

/// Nothing is loaded but this server's frames and the styles in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

/// Most rows of a table. Chosen: what a person reads; the JSON beside each page has all.
pub(crate) const ROWS: usize = 100;

/// The template as a page.
pub(crate) fn render(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let policy = (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            ([policy], Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "cannot write a page");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The colour of a state: how much a person should care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Waiting,
    Bad,
    Quiet,
}

impl Tone {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }

    /// The tone of an HTTP status; none means there was no answer.
    pub(crate) fn of_status(status: Option<u16>) -> Self {
        match status {
            Some(200..=299) => Self::Good,
            Some(300..=499) => Self::Waiting,
            Some(_) => Self::Bad,
            None => Self::Quiet,
        }
    }
}

/// One delivery of an event, as a row.
pub(crate) struct DeliveryRow {
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) url: String,
    pub(crate) state: &'static str,
    pub(crate) tone: Tone,
    pub(crate) tries: Vec<String>,
}

impl From<Delivery> for DeliveryRow {
    fn from(delivery: Delivery) -> Self {
        let (state, tone) = match delivery.state {
            DeliveryState::Pending => ("pending", Tone::Waiting),
            DeliveryState::Delivered => ("delivered", Tone::Good),
            DeliveryState::GivenUp => ("given up", Tone::Bad),
        };
        let tries = delivery.tries.iter().map(|one| format!("{} {}", clock::time_of_day(one.at_ms), one.answer));
        Self {
            tries: tries.collect(),
            event_id: delivery.event_id,
            kind: delivery.kind,
            url: delivery.url,
            state,
            tone,
        }
    }
}

/// One call to a stand-in's API, as a row.
pub(crate) struct CallRow {
    pub(crate) time: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) request_id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) answer: String,
    pub(crate) tone: Tone,
    pub(crate) fault: String,
}

impl From<CallRecord> for CallRow {
    fn from(call: CallRecord) -> Self {
        let status = call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        Self {
            time: clock::time_of_day(call.at_ms),
            answer: if call.replayed { format!("{status}, replayed") } else { status },
            tone: Tone::of_status(call.status),
            fault: call.fault.as_ref().and_then(|fault| serde_json::to_string(fault).ok()).unwrap_or_default(),
            method: call.method,
            path: call.path,
            request_id: call.request_id,
            key: call.idempotency_key,
        }
    }
}
