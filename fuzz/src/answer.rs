//! An answer of a route, and what holds for every one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stand_in::Asked;

/// Every code that a route refuses with. Callers' programs decide by them: one that is not here is new, or a find.
const CODES: [&str; 49] = [
    "body_too_large",
    "changed_meanwhile",
    "creation_unfinished",
    "endpoint_exists",
    "foreign_form",
    "idempotency_key_invalid",
    "idempotency_key_required",
    "idempotency_key_reused",
    "illegal_move",
    "invalid_amount",
    "invalid_body",
    "invalid_count",
    "invalid_cursor",
    "invalid_event",
    "invalid_field",
    "invalid_id",
    "invalid_job",
    "invalid_json",
    "invalid_payload",
    "invalid_query",
    "invalid_signature",
    "invalid_url",
    "job_over",
    "job_processing",
    "method_not_allowed",
    "missing_field",
    "no_document",
    "no_session",
    "no_token",
    "not_dead",
    "not_suppressed",
    "outcome_unknown",
    "payment_declined",
    "payment_provider_refused_us",
    "payment_refused",
    "role_required",
    "session_ended",
    "session_invalid",
    "stripe_unavailable",
    "too_many_endpoints",
    "unknown_action",
    "unknown_asset",
    "unknown_currency",
    "unknown_endpoint",
    "unknown_escrow",
    "unknown_field",
    "unknown_job",
    "unknown_type",
    "wrong_token",
];

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
    /// What Redis and Stripe were asked for it.
    pub asked: Vec<Asked>,
}

impl Answer {
    /// Takes a route's answer, which has what every one has: a request's id, and where it refuses, a problem with a stable code. None is 500:
    /// that is a fault of ours.
    ///
    /// # Panics
    /// Where it has not.
    #[must_use]
    pub fn of(response: holdfast::http::Response, asked: Vec<Asked>) -> Self {
        let status = response.status().as_u16();
        let text = |value: &http::HeaderValue| value.to_str().expect("a header is a text").to_owned();
        let headers: BTreeMap<String, String> =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let bytes = response.into_body();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Self { status, headers, body, asked };
        assert!(answer.headers.contains_key("x-request-id"), "{answer:?}");
        assert!(matches!(status, 200..500 | 502 | 503), "{answer:?}");
        if status >= 400 {
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{answer:?}");
            assert!(CODES.contains(&answer.code()), "{answer:?}");
        }
        answer
    }

    /// Returns the code of a problem.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Holds that it is one of these: a status and the code of a problem, or a status and nothing.
    ///
    /// # Panics
    /// Where it is none.
    pub fn is_one_of(&self, known: &[(u16, &str)]) {
        assert!(known.contains(&(self.status, self.code())), "{self:?}");
    }
}
