//! Resend's error documents: `{"statusCode", "name", "message"}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// A call refused, with the status and name from Resend's list of errors.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    name: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, name: &'static str, message: &str) -> Self {
        Self { status, name, message: message.to_owned() }
    }

    pub(super) fn validation(message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", message)
    }

    pub(super) fn missing_field(field: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "missing_required_field", &format!("Missing `{field}` field."))
    }

    pub(super) fn invalid_address(field: &str) -> Self {
        Self::validation(&format!(
            "Invalid `{field}` field. The email address needs to follow the `email@example.com` or \
             `Name <email@example.com>` format."
        ))
    }

    pub(super) fn missing_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "missing_api_key", "Missing API key in the authorization header.")
    }

    pub(super) fn wrong_key() -> Self {
        Self::new(StatusCode::FORBIDDEN, "invalid_api_key", "API key is invalid.")
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", &format!("{what} not found"))
    }

    pub(super) fn invalid_idempotency_key() -> Self {
        let message = "The idempotency key must be between 1-256 characters.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_idempotency_key", message)
    }

    pub(super) fn idempotency_key_misused() -> Self {
        let message = "This idempotency key has been used on a request with a different payload.";
        Self::new(StatusCode::CONFLICT, "invalid_idempotent_request", message)
    }

    pub(super) fn idempotency_key_running() -> Self {
        let message = "Another request with the same idempotency key is in progress.";
        Self::new(StatusCode::CONFLICT, "concurrent_idempotent_requests", message)
    }

    /// The document Resend answers with this status.
    pub(super) fn for_status(status: StatusCode) -> Self {
        let (name, message) = match status {
            StatusCode::TOO_MANY_REQUESTS => {
                ("rate_limit_exceeded", "Too many requests. Please limit the number of requests per second.")
            }
            StatusCode::UNAUTHORIZED => ("missing_api_key", "Missing API key in the authorization header."),
            StatusCode::FORBIDDEN => {
                ("validation_error", "The domain is not verified. Please add and verify your domain.")
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                ("validation_error", "We found an error with one or more fields in the request.")
            }
            StatusCode::CONFLICT => {
                ("concurrent_idempotent_requests", "Another request with the same idempotency key is in progress.")
            }
            StatusCode::NOT_FOUND => ("not_found", "The requested endpoint does not exist."),
            status if status.is_server_error() => ("internal_server_error", "An unexpected error occurred."),
            _ => ("application_error", "The request cannot be served."),
        };
        Self::new(status, name, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "statusCode": self.status.as_u16(), "name": self.name, "message": self.message });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let headers = response.headers_mut();
            headers.insert("ratelimit-limit", HeaderValue::from_static("2"));
            headers.insert("ratelimit-remaining", HeaderValue::from_static("0"));
            headers.insert("ratelimit-reset", HeaderValue::from_static("1"));
        }
        response
    }
}
