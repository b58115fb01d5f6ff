//! `POST /api/webhooks/stripe`: Stripe's events. An answer that is not 2xx makes Stripe send the event again, for up to three days.

use http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;
use crate::escrow::{Event, EventError, TakenIn};
use crate::http::{ApiError, Request, Response, Route, Wake, reply};
use crate::stripe::signature;

/// `POST /api/webhooks/stripe`
pub static STRIPE: Route = Route::new(
    "webhooks-stripe",
    "/api/webhooks/stripe",
    &[(Method::POST, |app, request| Box::pin(take_in(app, request)))],
);

async fn take_in(app: App, request: Request) -> Result<Response, ApiError> {
    let secret = app.config().stripe_webhook_secret.as_ref().map_err(Clone::clone)?;
    let refused = |detail: String| ApiError::new(StatusCode::BAD_REQUEST, "invalid_signature", detail);
    if !request.headers.contains_key("stripe-signature") {
        return Err(refused("the header Stripe-Signature is missing; expected t=...,v1=...".to_owned()));
    }
    let header = request.header("stripe-signature").unwrap_or_default();
    signature::verify(secret, header, &request.body, app.clock().now()).map_err(|error| refused(error.to_string()))?;
    let event: Event = serde_json::from_slice(&request.body)
        .map_err(|_| ApiError::not_json("the body is not an event of Stripe's"))?;
    let taken_in = app.escrows()?.take_in(&event, request.origin()).await?;
    tracing::info!(request.id = %request.id, event.id = %event.id, event.kind = %event.kind, outcome = ?taken_in, "took in {}", event.kind);
    let outcome = match taken_in {
        TakenIn::Applied => "applied",
        TakenIn::NothingNew => "nothing_new",
        TakenIn::Duplicate => "duplicate",
        TakenIn::NotOurs => "not_ours",
    };
    let mut response = reply::json(StatusCode::OK, &json!({ "received": true, "outcome": outcome }));
    if taken_in == TakenIn::Applied {
        response.extensions_mut().insert(Wake);
    }
    Ok(response)
}

impl From<EventError> for ApiError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Unreadable => Self::not_json("the event's object is not of the expected form"),
            EventError::NotConfigured(error) => error.into(),
            EventError::Upstash(error) => error.into(),
            EventError::Stripe(failure) => {
                tracing::warn!(error = %failure, "Stripe could not be asked about an event");
                let detail = "Stripe could not be asked about the event; it is to be sent again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stripe_unavailable", detail)
            }
        }
    }
}
