//! Misbehaviour on request: what the next calls to a stand-in meet instead of its usual answer.
//!
//! Each fault says whether the work was done, since that is the one thing its client cannot see.

use std::time::Duration;

use axum::response::{Html, IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::plan::Plan;
use crate::serve;

/// One way to misbehave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Fault {
    /// 429 with `Retry-After`; nothing is done.
    RateLimited {
        /// What `Retry-After` says.
        retry_after_secs: u64,
    },
    /// The service's own document for this status; nothing is done.
    Status {
        /// From 400 to 599.
        status: u16,
    },
    /// A proxy's 502 with a page of HTML; nothing is done.
    BadGateway,
    /// 500 after execution began. A service that keeps answers by idempotency key keeps this one.
    Crash {
        /// Whether the work was finished before.
        done: bool,
    },
    /// No answer, ever; nothing is done.
    Hang,
    /// The connection is closed; nothing is done.
    Closed,
    /// The work is done, then the connection is closed.
    AnswerLost,
    /// The work is done, then the connection is closed in the middle of the answer.
    AnswerCut,
    /// The work takes this much longer, and is done even if its caller hangs up. Another call with
    /// the same idempotency key meets one that is still running.
    Slow {
        /// How much later, in milliseconds.
        ms: u64,
    },
}

/// The faults still to come.
pub type Faults = Plan<Fault>;

impl Fault {
    /// What the call is answered before anything is done; `None` lets it through.
    ///
    /// `document` is the service's own answer for a status.
    async fn before(&self, document: fn(StatusCode) -> Response) -> Option<Response> {
        match self {
            Self::RateLimited { retry_after_secs } => {
                let mut response = document(StatusCode::TOO_MANY_REQUESTS);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*retry_after_secs));
                Some(response)
            }
            Self::Status { status } => {
                Some(document(StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)))
            }
            Self::BadGateway => Some((StatusCode::BAD_GATEWAY, Html(BAD_GATEWAY_PAGE)).into_response()),
            Self::Hang => std::future::pending().await,
            Self::Closed => Some(serve::sever()),
            Self::Crash { .. } | Self::AnswerLost | Self::AnswerCut | Self::Slow { .. } => None,
        }
    }

    /// What becomes of the answer once the work is done.
    async fn after(&self, response: Response) -> Response {
        match self {
            Self::AnswerLost => serve::sever(),
            Self::AnswerCut => serve::cut(response).await,
            _ => response,
        }
    }
}

/// Answers one call: the work as the fault lets it be done.
///
/// The work runs in a task of its own, so a caller that hangs up does not stop what has begun.
pub(crate) async fn around(
    fault: Option<Fault>,
    document: fn(StatusCode) -> Response,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    if let Some(fault) = &fault
        && let Some(response) = fault.before(document).await
    {
        return response;
    }
    let panicked = |_| document(StatusCode::INTERNAL_SERVER_ERROR);
    let response = tokio::spawn(work).await.unwrap_or_else(panicked);
    match fault {
        Some(fault) => fault.after(response).await,
        None => response,
    }
}

/// What proxies answer when the server behind them is gone.
const BAD_GATEWAY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
     <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

/// Waits this long; other calls go on.
pub(crate) async fn pause(ms: u64) {
    tokio::time::sleep_until(Instant::now() + Duration::from_millis(ms)).await;
}
