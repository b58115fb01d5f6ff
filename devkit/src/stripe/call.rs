//! One call to the API, from its arrival to its answer.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::StripeSandbox;
use super::error::StripeError;
use super::event::API_VERSION;
use super::run::{Call, REPLAYED, run};
use crate::journal::CallRecord;
use crate::{fault, id, serve};

/// Longest body, in bytes. Chosen: far above any form of Stripe's.
const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(super) async fn answer(State(sandbox): State<StripeSandbox>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = id::token("req_", 14);
    let path = parts.uri.path().to_owned();
    let fault = sandbox.faults.take(&format!("{} {path}", parts.method));
    let record = CallRecord::arrived(&parts.method, &path, &parts.headers, fault.clone());
    let entry = sandbox.journal.enter(CallRecord { request_id: Some(request_id.clone()), ..record });
    let version = parts.headers.get("stripe-version").cloned();
    let work = {
        let (sandbox, request_id, fault) = (sandbox.clone(), request_id.clone(), fault.clone());
        async move {
            let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
                return document(StatusCode::PAYLOAD_TOO_LARGE);
            };
            let query = parts.uri.query().unwrap_or_default().to_owned();
            let call = Call { method: parts.method, path, query, headers: parts.headers, body, request_id, fault };
            run(&sandbox, &call).await.respond(&call.request_id)
        }
    };
    let mut response = fault::around(fault, document, work).await;
    stamp(response.headers_mut(), &request_id, version);
    sandbox.journal.amend(entry, |record| {
        record.status = serve::status_seen(&response);
        record.replayed = response.headers().contains_key(REPLAYED);
    });
    response
}

/// Adds the headers every answer has.
fn stamp(headers: &mut HeaderMap, request_id: &str, version: Option<HeaderValue>) {
    let version = version.unwrap_or_else(|| HeaderValue::from_static(API_VERSION));
    headers.insert("stripe-version", version);
    let request_id = HeaderValue::try_from(request_id).ok();
    headers.extend(request_id.map(|value| (HeaderName::from_static("request-id"), value)));
}

fn document(status: StatusCode) -> Response {
    (status, Json(StripeError::for_status(status).document())).into_response()
}
