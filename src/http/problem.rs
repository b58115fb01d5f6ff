//! What a caller is told when it went wrong: RFC 9457, with a code that stays.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use super::{Response, reply};
use crate::admission::ParseRequestKeyError;
use crate::auth::AuthError;
use crate::config::ConfigError;
use crate::domain::escrow::Refusal;
use crate::escrow::OperateError;
use crate::upstash::UpstashError;

/// Seconds after which a caller may try again when Redis cannot be reached and says nothing itself. Chosen: a restart or
/// failover takes about as long.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The code where it is not known whether the store did what it was asked.
const OUTCOME_UNKNOWN: &str = "outcome_unknown";

/// An answer that says what went wrong.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// Which of several items is meant, from 0.
    index: Option<usize>,
    retry: Option<Retry>,
    headers: Vec<(&'static str, String)>,
    more: serde_json::Map<String, serde_json::Value>,
}

/// Names what went wrong; never the fields of its own, of which one is a payment's secret.
impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("status", &self.status)
            .field("code", &self.code)
            .field("detail", &self.detail)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// On an answer that is a page: the code of what went wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code(pub(super) &'static str);

/// Whether and how a request may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Retry {
    /// It may have been done: the same request with the same key is safe.
    SameKey,
    /// It was not done, or was a question; after the time in `Retry-After`.
    After,
    /// It may have been done, and the same request may do it once more.
    MayDoTwice,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<Retry>,
    request_id: &'a str,
    #[serde(flatten)]
    more: &'a serde_json::Map<String, serde_json::Value>,
}

impl ApiError {
    /// Makes an answer with a stable code and a sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            index: None,
            retry: None,
            headers: Vec::new(),
            more: serde_json::Map::new(),
        }
    }

    /// 400: the body is not JSON.
    pub fn not_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_json", detail)
    }

    /// 422: the body is JSON and not what the route takes.
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 404.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 409: the first run of the same request has not ended.
    pub(super) fn running(wait: Duration) -> Self {
        let detail = "the first request with this Idempotency-Key is still running";
        Self::conflict("request_running", detail).again_after(wait)
    }

    /// 422: the same key came with another request.
    pub(super) fn key_reused() -> Self {
        let detail = "the Idempotency-Key was used for another request; expected one of its own for each";
        Self::invalid("idempotency_key_reused", detail)
    }

    /// 409: a creation that was never known to end, and is too old to be gone on with.
    fn creation_lapsed() -> Self {
        let detail = "it is not known whether the payment was made, and after 23 hours it is not asked for again; \
                      Stripe's event will tell, or look for the escrow in Stripe's dashboard before creating another";
        Self::conflict("creation_lapsed", detail)
    }

    /// 405, with the methods that there are.
    pub(super) fn method_not_allowed(allowed: String) -> Self {
        let detail = format!("this route takes {allowed}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).header("allow", allowed)
    }

    /// 500, for what only the log knows.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong here; the log has it under this request id",
        )
    }

    /// Names which of several items is meant.
    #[must_use]
    pub fn at(mut self, index: Option<usize>) -> Self {
        self.index = index;
        self
    }

    /// Adds a field of this problem's own.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.more.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Says that the same request may be sent again with the same key, after so long.
    #[must_use]
    pub(super) fn again_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs().max(1).to_string();
        Self { retry: Some(Retry::SameKey), ..self.header("retry-after", seconds) }
    }

    /// Says, where the outcome is not known, that nothing makes the same request safe: it has no key.
    #[must_use]
    pub(super) fn may_do_twice(self, detail: &str) -> Self {
        if self.code != OUTCOME_UNKNOWN {
            return self;
        }
        Self { detail: detail.to_owned(), retry: Some(Retry::MayDoTwice), ..self }
    }

    /// Says, where the outcome is not known, that it was a question, which may be asked again.
    #[must_use]
    pub(super) fn of_a_question(self) -> Self {
        if self.code != OUTCOME_UNKNOWN {
            return self;
        }
        let detail = "the store gave no full answer; the request may be sent again".to_owned();
        Self { detail, retry: Some(Retry::After), ..self }
    }

    /// Adds a header.
    #[must_use]
    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn unavailable(code: &'static str, detail: &str, retry: Retry, after: Option<Duration>) -> Self {
        let seconds = after.map_or(RETRY_AFTER_SECONDS, |after| after.as_secs().max(1));
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).header("retry-after", seconds.to_string());
        Self { retry: Some(retry), ..error }
    }

    /// Returns the status, for the log.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the code, for the log.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the sentence, for a page.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Gives an answer of another form this one's headers, and its code for the log.
    pub(super) fn coded(self, mut response: Response) -> Response {
        for (name, value) in self.headers {
            response.headers_mut().insert(name, reply::text(&value));
        }
        response.extensions_mut().insert(Code(self.code));
        response
    }

    /// Writes the answer.
    pub(super) fn into_response(self, request_id: &str) -> Response {
        let document = Document {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            index: self.index,
            retry: self.retry,
            request_id,
            more: &self.more,
        };
        let mut response = reply::json(self.status, &document);
        response.headers_mut().insert("content-type", reply::text("application/problem+json"));
        for (name, value) in self.headers {
            response.headers_mut().insert(name, reply::text(&value));
        }
        response
    }
}

impl From<UpstashError> for ApiError {
    fn from(error: UpstashError) -> Self {
        // A caller is told what may be done next; the cause is in the log, once.
        tracing::error!(error = %error, "a call to Redis gave no result");
        match error {
            UpstashError::NotSent(_) => Self::unavailable(
                "redis_unavailable",
                "the store cannot be reached; nothing was done",
                Retry::After,
                None,
            ),
            UpstashError::Unknown(_) => Self::unavailable(
                OUTCOME_UNKNOWN,
                "the store gave no full answer; the request may have been done, all or in part, and is safe to repeat",
                Retry::SameKey,
                None,
            ),
            UpstashError::Throttled { retry_after, .. } => Self::unavailable(
                "redis_throttled",
                "the store takes no more for now; nothing was done",
                Retry::After,
                retry_after,
            ),
            UpstashError::Refused(_) => Self::internal(),
        }
    }
}

impl From<ConfigError> for ApiError {
    fn from(error: ConfigError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_configured", error.to_string())
    }
}

impl From<ParseRequestKeyError> for ApiError {
    fn from(error: ParseRequestKeyError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "idempotency_key_invalid", error.to_string())
    }
}

impl From<OperateError> for ApiError {
    fn from(error: OperateError) -> Self {
        match error {
            OperateError::Refused(refusal) => refusal.into(),
            OperateError::BegunBefore => Self::running(Duration::from_secs(1)),
            OperateError::KeyReused => Self::key_reused(),
            OperateError::CreationLapsed => Self::creation_lapsed(),
            OperateError::NotConfigured(error) => error.into(),
            OperateError::Upstash(error) => error.into(),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Role { needed, .. } => {
                Self::new(StatusCode::FORBIDDEN, "role_required", detail).with("role", needed)
            }
            Refusal::IllegalMove { state, possible, .. } => {
                Self::conflict("illegal_move", detail).with("state", state).with("possible", possible)
            }
            Refusal::Unfinished => Self::conflict("creation_unfinished", detail),
            Refusal::Amount(_) => Self::invalid("invalid_amount", detail),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        let challenge =
            |code| Self::new(StatusCode::UNAUTHORIZED, code, detail).header("www-authenticate", "Bearer".into());
        match error {
            AuthError::NoToken => challenge("no_token"),
            AuthError::WrongToken => challenge("wrong_token"),
            AuthError::NotConfigured(error) => error.into(),
        }
    }
}
