//! The routes without a caller of ours: health, metrics, what other services tell us.

#![allow(dead_code, reason = "only the forms are used: the macros make the document of them")]

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::problem::{Anyone, Problem};

/// How it is.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Health {
    /// Always `ok`: else the answer is a problem.
    status: String,
    /// How long the oldest due job has been so, in ms.
    #[schema(required)]
    oldest_due_age_ms: Option<u64>,
}

/// An event of Stripe's: <https://docs.stripe.com/api/events/object>.
#[derive(Deserialize, ToSchema)]
pub(super) struct StripeEvent {
    id: String,
    #[schema(rename = "type")]
    kind: String,
    data: StripeEventData,
}

/// What the event is about.
#[derive(Deserialize, ToSchema)]
pub(super) struct StripeEventData {
    object: serde_json::Value,
}

/// What was made of an event.
#[derive(Deserialize, ToSchema)]
pub(super) struct EventTaken {
    received: bool,
    outcome: EventOutcome,
}

/// What was made of an event.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum EventOutcome {
    Applied,
    NothingNew,
    Duplicate,
    NotOurs,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct StripeHeader {
    /// Stripe's signature over the body, as it came: `t=...,v1=...`.
    #[param(rename = "Stripe-Signature")]
    signature: String,
}

/// Everything that is counted, for Prometheus; as OpenMetrics where `Accept` asks for it.
#[utoipa::path(get, path = "/api/metrics", tag = "operation", operation_id = "showMetrics", security(("processor" = [])),
    responses((status = 200, description = "The samples", content((String = "text/plain"), (String = "application/openmetrics-text"))),
    (status = 401, description = "No processor token, or another one", body = Problem, content_type = "application/problem+json"), Anyone))]
pub(super) fn metrics() {}

/// Whether the store can be reached. Open to anyone.
#[utoipa::path(get, path = "/api/health", tag = "operation", operation_id = "showHealth", responses((status = 200, description = "The store answers", body = Health), Anyone))]
pub(super) fn health() {}

/// Takes in an event of Stripe's: verified, once, in any order.
#[utoipa::path(post, path = "/api/webhooks/stripe", tag = "events", operation_id = "takeStripeEvent", params(StripeHeader), request_body = StripeEvent,
    responses((status = 200, description = "What was made of it", body = EventTaken),
    (status = 400, description = "The signature is not Stripe's, or too old, or the body is not an event", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body has more than 256 KiB", body = Problem, content_type = "application/problem+json"), Anyone))]
pub(super) fn stripe() {}

/// An event of Resend's or Mailgun's.
#[derive(Deserialize, ToSchema)]
pub(super) struct MailProvidersEvent {
    #[serde(flatten)]
    event: serde_json::Map<String, serde_json::Value>,
}

/// What was made of a mail's event.
#[derive(Deserialize, ToSchema)]
pub(super) struct MailEventTaken {
    received: bool,
    outcome: MailEventOutcome,
}

/// What was made of a mail's event.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum MailEventOutcome {
    Noted,
    Duplicate,
    UnknownJob,
    Ignored,
}

/// Resend's signature over the body, as it came. Mailgun's is in its body.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct MailHeaders {
    #[param(rename = "svix-id", nullable = false)]
    id: Option<String>,
    #[param(rename = "svix-timestamp", nullable = false)]
    timestamp: Option<String>,
    #[param(rename = "svix-signature", nullable = false)]
    signature: Option<String>,
}

/// Takes in what became of a mail: from Resend or Mailgun, verified, once, in any order.
#[utoipa::path(post, path = "/api/webhooks/email", tag = "events", operation_id = "takeMailEvent", params(MailHeaders), request_body = MailProvidersEvent,
    responses((status = 200, description = "What was made of it", body = MailEventTaken),
    (status = 400, description = "Resend's signature does not fit, or the body is not an event", body = Problem, content_type = "application/problem+json"),
    (status = 406, description = "Mailgun's signature does not fit: it is not to send this again", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body has more than 256 KiB", body = Problem, content_type = "application/problem+json"), Anyone))]
pub(super) fn email() {}
