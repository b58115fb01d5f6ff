//! Which operation a call asks for.

use http::{Method, StatusCode};
use serde_json::Value;

use super::error::StripeError;
use super::params::Params;
use super::store::Store;
use super::{capture, confirm, intents, lists, refunds, view};

/// Runs the operation; the error says whether it had begun.
pub(super) fn execute(store: &mut Store, method: &Method, path: &str, params: &Params) -> Result<Value, StripeError> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, segments.as_slice()) {
        (&Method::POST, ["v1", "payment_intents"]) => intents::create(store, params),
        (&Method::GET, ["v1", "payment_intents"]) => intents::list(store, params),
        (&Method::GET, ["v1", "payment_intents", id]) => intents::retrieve(store, id, params),
        (&Method::POST, ["v1", "payment_intents", id, "confirm"]) => confirm::confirm(store, id, params),
        (&Method::POST, ["v1", "payment_intents", id, "capture"]) => capture::capture(store, id, params),
        (&Method::POST, ["v1", "payment_intents", id, "cancel"]) => capture::cancel(store, id, params),
        (&Method::GET, ["v1", "charges", id]) => charge(store, id, params),
        (&Method::POST, ["v1", "refunds"]) => refunds::create(store, params),
        (&Method::GET, ["v1", "refunds"]) => refunds::list(store, params),
        (&Method::GET, ["v1", "refunds", id]) => refunds::retrieve(store, id, params),
        (&Method::GET, ["v1", "disputes", id]) => dispute(store, id, params),
        (&Method::GET, ["v1", "events"]) => events(store, params),
        (&Method::GET, ["v1", "events", id]) => event(store, id, params),
        _ => Err(unrecognized(method, path)),
    }
}

fn unrecognized(method: &Method, path: &str) -> StripeError {
    let message = format!(
        "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at \
         https://support.stripe.com/."
    );
    StripeError::new(StatusCode::NOT_FOUND, "invalid_request_error", &message)
}

fn charge(store: &Store, id: &str, params: &Params) -> Result<Value, StripeError> {
    params.only(&["expand"])?;
    let expand = params.expand(&["payment_intent"])?;
    let charge =
        store.charges.get(id).ok_or_else(|| StripeError::no_such(StatusCode::NOT_FOUND, "charge", id, "id"))?;
    Ok(view::expanded(store, view::charge(charge), &expand))
}

fn dispute(store: &Store, id: &str, params: &Params) -> Result<Value, StripeError> {
    params.only(&["expand"])?;
    let expand = params.expand(&["charge", "payment_intent"])?;
    let dispute =
        store.disputes.get(id).ok_or_else(|| StripeError::no_such(StatusCode::NOT_FOUND, "dispute", id, "id"))?;
    Ok(view::expanded(store, view::dispute(dispute), &expand))
}

fn events(store: &Store, params: &Params) -> Result<Value, StripeError> {
    params.only(&["limit", "starting_after", "type"])?;
    let kind = params.text("type")?;
    let fits = |event: &Value| kind.as_deref().is_none_or(|kind| event["type"] == kind);
    lists::Page::read(params)?.of(&store.events, "/v1/events", fits, Value::clone)
}

fn event(store: &Store, id: &str, params: &Params) -> Result<Value, StripeError> {
    params.only(&[])?;
    store.events.get(id).cloned().ok_or_else(|| StripeError::no_such(StatusCode::NOT_FOUND, "event", id, "id"))
}
