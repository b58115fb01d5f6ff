//! Stripe's error documents, and which of them its idempotency keys keep.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// A call refused.
#[derive(Clone, Debug)]
pub(super) struct StripeError {
    pub(super) status: StatusCode,
    fields: Map<String, Value>,
    /// Whether execution had begun: then the key keeps this answer. A parameter that fails
    /// validation is refused before.
    pub(super) kept: bool,
}

impl StripeError {
    /// An error of this type, found before execution.
    pub(super) fn new(status: StatusCode, kind: &str, message: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("message".to_owned(), message.into());
        fields.insert("type".to_owned(), kind.into());
        Self { status, fields, kept: false }
    }

    /// 400 `invalid_request_error`, found before execution.
    pub(super) fn invalid(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// 400 about a parameter.
    pub(super) fn param(code: &str, param: &str, message: &str) -> Self {
        Self::invalid(message).code(code).with("param", param.into())
    }

    /// 404 for an object in the path, 400 for one named by a parameter.
    pub(super) fn no_such(status: StatusCode, kind: &str, id: &str, param: &str) -> Self {
        Self::new(status, "invalid_request_error", &format!("No such {kind}: '{id}'"))
            .code("resource_missing")
            .with("param", param.into())
    }

    pub(super) fn code(self, code: &str) -> Self {
        let page = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
        self.with("code", code.into()).with("doc_url", page.into())
    }

    pub(super) fn with(mut self, field: &str, value: Value) -> Self {
        self.fields.insert(field.to_owned(), value);
        self
    }

    /// The same error, found after execution began.
    pub(super) fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    pub(super) fn document(&self) -> Value {
        json!({ "error": self.fields })
    }

    /// What Stripe answers with this status when it is to blame, or too busy.
    pub(super) fn for_status(status: StatusCode) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                let message = "Request rate limit exceeded. Learn more about rate limits here \
                               https://stripe.com/docs/rate-limits.";
                Self::new(status, "invalid_request_error", message).code("rate_limit")
            }
            StatusCode::CONFLICT => {
                let message = "This object cannot be accessed right now because another API request or Stripe \
                               process is currently accessing it.";
                Self::new(status, "invalid_request_error", message).code("lock_timeout")
            }
            status if status.is_server_error() => {
                Self::new(status, "api_error", "An unknown error occurred. Please try again or contact support.")
            }
            status => Self::new(status, "invalid_request_error", "The request was refused."),
        }
    }
}
