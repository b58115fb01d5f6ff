//! One call to the API: authorised, read, run once under its key, answered.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::error::StripeError;
use super::params::Params;
use super::store::Cause;
use super::{StripeSandbox, form, route};
use crate::fault::{self, Fault};
use crate::id;
use crate::journal::{CallRecord, header};
use crate::keys::{Claim, Held};

/// Longest body, in bytes. Chosen: far above any form of Stripe's.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Longest idempotency key, in characters. Stripe's API reference, "Idempotent requests".
const MAX_KEY_LENGTH: usize = 255;

/// An answer, as an idempotency key keeps it.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: StatusCode,
    body: Value,
    request_id: String,
}

struct Call {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    request_id: String,
    fault: Option<Fault>,
}

pub(super) async fn answer(State(sandbox): State<StripeSandbox>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = id::token("req_", 14);
    let path = parts.uri.path().to_owned();
    let entry = sandbox.journal.enter(CallRecord::arrived(
        &parts.method,
        &path,
        &parts.headers,
        &request_id,
    ));
    let fault = sandbox.faults.take(&format!("{} {path}", parts.method));
    sandbox
        .journal
        .amend(entry, |record| record.fault.clone_from(&fault));
    let early = match &fault {
        Some(fault) => fault.before(document).await,
        None => None,
    };
    let version = parts.headers.get("stripe-version").cloned();
    let mut response = match early {
        Some(response) => response,
        None => {
            let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
                return document(StatusCode::PAYLOAD_TOO_LARGE);
            };
            let call = Call {
                query: parts.uri.query().unwrap_or_default().to_owned(),
                method: parts.method,
                path,
                headers: parts.headers,
                body,
                request_id: request_id.clone(),
                fault: fault.clone(),
            };
            // In a task of its own: a caller that hangs up does not stop what has begun.
            let running = tokio::spawn(run(sandbox.clone(), call));
            let response = match running.await {
                Ok(answer) => respond(answer, &request_id),
                Err(_) => document(StatusCode::INTERNAL_SERVER_ERROR),
            };
            match fault {
                Some(fault) => fault.after(response).await,
                None => response,
            }
        }
    };
    stamp(response.headers_mut(), &request_id, version);
    sandbox.journal.amend(entry, |record| {
        record.status = Some(response.status().as_u16());
        record.replayed = response.headers().contains_key("idempotent-replayed");
    });
    response
}

/// The headers every answer has.
fn stamp(headers: &mut HeaderMap, request_id: &str, version: Option<HeaderValue>) {
    headers.extend(
        HeaderValue::try_from(request_id)
            .ok()
            .map(|value| (http::HeaderName::from_static("request-id"), value)),
    );
    let version = version.unwrap_or_else(|| HeaderValue::from_static(super::event::API_VERSION));
    headers.insert("stripe-version", version);
}

fn document(status: StatusCode) -> Response {
    (status, Json(StripeError::for_status(status).document())).into_response()
}

fn respond(answer: Answer, request_id: &str) -> Response {
    let mut response = (answer.status, Json(answer.body)).into_response();
    if answer.request_id != request_id {
        let headers = response.headers_mut();
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
        headers.extend(
            HeaderValue::try_from(answer.request_id)
                .ok()
                .map(|value| (http::HeaderName::from_static("original-request"), value)),
        );
    }
    response
}

async fn run(sandbox: StripeSandbox, call: Call) -> Answer {
    let result = answer_or_refuse(&sandbox, &call).await;
    result.unwrap_or_else(|error| call.refused(&error))
}

async fn answer_or_refuse(sandbox: &StripeSandbox, call: &Call) -> Result<Answer, StripeError> {
    authorize(sandbox, &call.headers)?;
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
            return Err(StripeError::invalid(
                "The body must be application/x-www-form-urlencoded.",
            ));
        }
        let mut encoded = self.query.clone().into_bytes();
        encoded.push(b'&');
        encoded.extend_from_slice(&self.body);
        let fields = form::parse(&encoded).map_err(|form::BadKey(key)| {
            StripeError::invalid(&format!("Invalid parameter name: {key}"))
                .with("param", key.into())
        })?;
        Ok(Params::new(fields))
    }

    /// The idempotency key; only a POST has one.
    fn key(&self) -> Result<Option<String>, StripeError> {
        let Some(key) =
            header(&self.headers, "idempotency-key").filter(|_| self.method == Method::POST)
        else {
            return Ok(None);
        };
        if key.is_empty() || key.chars().count() > MAX_KEY_LENGTH {
            return Err(StripeError::invalid(
                "Idempotency keys must have between 1 and 255 characters.",
            ));
        }
        Ok(Some(key))
    }

    /// The path on the first line, then everything that makes this call differ from another.
    fn fingerprint(&self, params: &Params) -> String {
        format!("{}\n{params:?}", self.path)
    }

    fn execute(
        &self,
        sandbox: &StripeSandbox,
        key: Option<String>,
        params: &Params,
    ) -> Result<Value, StripeError> {
        let cause = Cause {
            request_id: Some(self.request_id.clone()),
            idempotency_key: key,
        };
        sandbox.change(cause, |store| {
            route::execute(store, &self.method, &self.path, params)
        })
    }

    /// Leaves the answer under the key, if execution began.
    fn keep(&self, held: Option<Held<Answer>>, done: Result<Value, StripeError>) -> Answer {
        let (answer, kept) = match done {
            Ok(body) => (
                Answer {
                    status: StatusCode::OK,
                    body,
                    request_id: self.request_id.clone(),
                },
                true,
            ),
            Err(error) => (self.refused(&error), error.kept),
        };
        if let Some(held) = held.filter(|_| kept) {
            held.keep(answer.clone());
        }
        answer
    }

    fn refused(&self, error: &StripeError) -> Answer {
        Answer {
            status: error.status,
            body: error.document(),
            request_id: self.request_id.clone(),
        }
    }
}

fn authorize(sandbox: &StripeSandbox, headers: &HeaderMap) -> Result<(), StripeError> {
    let refused = |message: &str| {
        StripeError::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    };
    let Some(presented) = header(headers, AUTHORIZATION.as_str()) else {
        return Err(refused(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer \
             auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        ));
    };
    let key = match presented.split_once(' ') {
        Some(("Bearer", key)) => Some(key.to_owned()),
        Some(("Basic", pair)) => STANDARD
            .decode(pair)
            .ok()
            .and_then(|pair| String::from_utf8(pair).ok())
            .map(|pair| pair.split(':').next().unwrap_or_default().to_owned()),
        _ => None,
    };
    match key {
        Some(key) if key == sandbox.secret_key => Ok(()),
        Some(key) => Err(refused(&format!(
            "Invalid API Key provided: {}",
            masked(&key)
        ))),
        None => Err(refused(
            "Invalid Authorization header: expected Bearer or Basic.",
        )),
    }
}

/// The key with all but its ends hidden.
fn masked(key: &str) -> String {
    let shown: Vec<char> = key.chars().collect();
    if shown.len() <= 12 {
        return "*".repeat(shown.len());
    }
    let ends = |part: &[char]| part.iter().collect::<String>();
    format!(
        "{}{}{}",
        ends(&shown[..8]),
        "*".repeat(shown.len() - 12),
        ends(&shown[shown.len() - 4..])
    )
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
    StripeError::new(StatusCode::CONFLICT, "idempotency_error", &message)
        .code("idempotency_key_in_use")
}
