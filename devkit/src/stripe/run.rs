//! A call run once under its idempotency key.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::auth::authorize;
use super::error::StripeError;
use super::params::Params;
use super::store::Cause;
use super::{StripeSandbox, form, route};
use crate::fault::{self, Fault};
use crate::journal::header;
use crate::keys::{Claim, Held};

/// Longest idempotency key, in characters. Stripe's API reference, "Idempotent requests".
const MAX_KEY_LENGTH: usize = 255;

/// An answer, as an idempotency key keeps it.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: StatusCode,
    body: Value,
    request_id: String,
}

/// A call as it came.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) request_id: String,
    pub(super) fault: Option<Fault>,
}

impl Answer {
    /// The response to the call with this id; another call's answer is marked as replayed.
    pub(super) fn respond(self, request_id: &str) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.request_id != request_id
            && let Ok(original) = HeaderValue::try_from(self.request_id)
        {
            let replayed = (HeaderName::from_static(REPLAYED), HeaderValue::from_static("true"));
            response.headers_mut().extend([replayed, (HeaderName::from_static("original-request"), original)]);
        }
        response
    }
}

/// The header on an answer that an earlier call left.
pub(super) const REPLAYED: &str = "idempotent-replayed";

/// Answers the call, or says why not.
pub(super) async fn run(sandbox: &StripeSandbox, call: &Call) -> Answer {
    let result = answer_or_refuse(sandbox, call).await;
    result.unwrap_or_else(|error| call.refused(&error))
}

async fn answer_or_refuse(sandbox: &StripeSandbox, call: &Call) -> Result<Answer, StripeError> {
    authorize(&sandbox.secret_key, &call.headers)?;
    let params = call.params()?;
    let key = call.key()?;
    let held = match &key {
        Some(key) => match sandbox.keys.claim(key, &call.fingerprint(&params)) {
            Claim::First(held) => Some(held),
            Claim::Answered(answer) => return Ok(answer),
            Claim::Misused(first) => return Err(misused(key, &first, call)),
            Claim::Running => return Err(running(key)),
        },
        None => None,
    };
    if let Some(Fault::Slow { ms }) = call.fault {
        fault::pause(ms).await;
    }
    let crash = StripeError::for_status(StatusCode::INTERNAL_SERVER_ERROR).kept();
    let done = match call.fault {
        Some(Fault::Crash { done: false }) => Err(crash),
        Some(Fault::Crash { done: true }) => call.execute(sandbox, key, &params).and(Err(crash)),
        _ => call.execute(sandbox, key, &params),
    };
    Ok(call.keep(held, done))
}

impl Call {
    fn params(&self) -> Result<Params, StripeError> {
        let is_form = header(&self.headers, CONTENT_TYPE.as_str())
            .is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !self.body.is_empty() && !is_form {
            return Err(StripeError::invalid("The body must be application/x-www-form-urlencoded."));
        }
        let mut encoded = self.query.clone().into_bytes();
        encoded.push(b'&');
        encoded.extend_from_slice(&self.body);
        let fields = form::parse(&encoded).map_err(|form::BadKey(key)| {
            StripeError::invalid(&format!("Invalid parameter name: {key}")).with("param", key.into())
        })?;
        Ok(Params::new(fields))
    }

    /// The idempotency key; only a POST has one.
    fn key(&self) -> Result<Option<String>, StripeError> {
        let Some(key) = header(&self.headers, "idempotency-key").filter(|_| self.method == Method::POST) else {
            return Ok(None);
        };
        if key.is_empty() || key.chars().count() > MAX_KEY_LENGTH {
            return Err(StripeError::invalid("Idempotency keys must have between 1 and 255 characters."));
        }
        Ok(Some(key))
    }

    /// The path on the first line, then everything that makes this call differ from another.
    fn fingerprint(&self, params: &Params) -> String {
        format!("{}\n{params:?}", self.path)
    }

    fn execute(&self, sandbox: &StripeSandbox, key: Option<String>, params: &Params) -> Result<Value, StripeError> {
        let cause = Cause { request_id: Some(self.request_id.clone()), idempotency_key: key };
        sandbox.change(cause, |store| route::execute(store, &self.method, &self.path, params))
    }

    /// Leaves the answer under the key, if execution began.
    fn keep(&self, held: Option<Held<Answer>>, done: Result<Value, StripeError>) -> Answer {
        let (answer, kept) = match done {
            Ok(body) => (Answer { status: StatusCode::OK, body, request_id: self.request_id.clone() }, true),
            Err(error) => (self.refused(&error), error.kept),
        };
        if let Some(held) = held.filter(|_| kept) {
            held.keep(answer.clone());
        }
        answer
    }

    fn refused(&self, error: &StripeError) -> Answer {
        Answer { status: error.status, body: error.document(), request_id: self.request_id.clone() }
    }
}

fn misused(key: &str, first: &str, call: &Call) -> StripeError {
    let first_path = first.lines().next().unwrap_or_default();
    let message = if first_path == call.path {
        format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using \
             a key other than '{key}' if you meant to execute a different request."
        )
    } else {
        format!(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for ('{}' vs \
             '{first_path}'). Try using a key other than '{key}' if you meant to execute a different request.",
            call.path
        )
    };
    StripeError::new(StatusCode::BAD_REQUEST, "idempotency_error", &message)
}

fn running(key: &str) -> StripeError {
    let message = format!(
        "There is currently another in-progress request using this Stripe Idempotent Key (that probably means you \
         submitted twice, and the other request is still going through): {key}. Please try again later."
    );
    StripeError::new(StatusCode::CONFLICT, "idempotency_error", &message).code("idempotency_key_in_use")
}
