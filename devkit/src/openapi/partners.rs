//! The route of partners' webhook endpoints.

#![allow(
    dead_code,
    clippy::struct_field_names,
    reason = "only the forms are used: the macros make the document of them"
)]

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::jobs::WebhookAttempt;
use super::problem::{Anyone, Problem};

/// A partner's webhook endpoints.
#[derive(Deserialize, ToSchema)]
pub(super) struct Partner {
    partner: String,
    /// Where it is told that an endpoint was disabled.
    #[schema(required)]
    email: Option<String>,
    endpoints: Vec<Endpoint>,
}

/// An endpoint, and how it does.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Endpoint {
    id: String,
    url: String,
    /// What it is told of; empty for all.
    events: Vec<EndpointEvent>,
    enabled: bool,
    /// Why it was disabled, where it was by itself.
    #[schema(required)]
    disabled_because: Option<DisabledBecause>,
    #[schema(required)]
    disabled_at: Option<i64>,
    /// Since when every delivery has failed, with two days at most from one to the next; after five days it is disabled.
    #[schema(required)]
    failing_since: Option<i64>,
    /// Until when the secret before this one signs too.
    #[schema(required)]
    previous_secret_until: Option<i64>,
    created_at: i64,
    updated_at: i64,
    /// What signs: `whsec_...`. Shown once, when it is made.
    #[schema(nullable = false)]
    secret: Option<String>,
}

/// What an endpoint can be told of.
#[derive(Deserialize, ToSchema)]
pub(super) enum EndpointEvent {
    #[serde(rename = "escrow.status_changed")]
    StatusChanged,
    #[serde(rename = "escrow.authorization_expiring")]
    AuthorizationExpiring,
}

/// Why an endpoint was disabled: it answered 410, or failed for five days.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum DisabledBecause {
    Gone,
    Failing,
}

/// The last fifty attempts at an endpoint, the newest first.
#[derive(Deserialize, ToSchema)]
pub(super) struct EndpointAttempts {
    endpoint: String,
    attempts: Vec<WebhookAttempt>,
}

/// The partner, or the attempts at one endpoint.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PartnerAnswer {
    Partner(Partner),
    Attempts(EndpointAttempts),
}

/// What is to be done.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"action": "create-endpoint", "url": "https://shop.example.com/webhooks", "events": ["escrow.status_changed"]}))]
pub(super) enum PartnerRequest {
    /// Makes an endpoint. Without a secret one is made.
    CreateEndpoint {
        #[schema(pattern = "^https://", max_length = 2_000)]
        url: String,
        events: Option<Vec<EndpointEvent>>,
        #[schema(pattern = "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$")]
        secret: Option<String>,
    },
    /// Changes what is named. Enabled, an endpoint that failed begins anew.
    UpdateEndpoint {
        #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
        endpoint: String,
        #[schema(pattern = "^https://", max_length = 2_000)]
        url: Option<String>,
        events: Option<Vec<EndpointEvent>>,
        enabled: Option<bool>,
    },
    /// Replaces the secret; the old one signs beside it for a day more.
    RotateSecret {
        #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
        endpoint: String,
        #[schema(pattern = "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$")]
        secret: Option<String>,
    },
    /// Removes an endpoint with its attempts.
    DeleteEndpoint {
        #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
        endpoint: String,
    },
    /// Sets where the partner is told that an endpoint was disabled; null for nowhere.
    SetEmail {
        #[schema(required, format = Email, max_length = 254)]
        email: Option<String>,
    },
    /// Sends the event `webhook.test`, once.
    Test {
        #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
        endpoint: String,
    },
    /// Sends a webhook again, under the id it had.
    Resend {
        #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
        endpoint: String,
        /// Its job, or the one that was split into several.
        #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
        job_id: String,
    },
}

/// The endpoint that was removed.
#[derive(Deserialize, ToSchema)]
pub(super) struct EndpointDeleted {
    deleted: String,
}

/// What was done: the endpoint as it is now, the one that was removed, or the partner.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PartnerChanged {
    Endpoint(Box<Endpoint>),
    Deleted(EndpointDeleted),
    Partner(Partner),
}

/// A webhook that leaves with the processor's next run.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct WebhookQueued {
    job_id: String,
    webhook_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PartnerPath {
    /// The partner, as its API keys name it.
    #[param(pattern = "^[A-Za-z0-9._-]{1,200}$", example = "dev-partner")]
    id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PartnerQuery {
    /// Shows the attempts at this endpoint instead.
    #[param(nullable = false, min_length = 1)]
    endpoint: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct SendHeader {
    /// The caller's name for a `test` or `resend`, bare or in double quotes. The same request with it within the hour sends nothing twice.
    #[param(
        rename = "Idempotency-Key",
        nullable = false,
        pattern = r##"^("[!#-~]{1,255}"|[!#-~]{1,255})$"##,
        max_length = 257
    )]
    key: Option<String>,
}

/// Shows a partner's webhook endpoints, or the attempts at one. Needs the role admin.
#[utoipa::path(get, path = "/api/partners/{id}", tag = "operation", operation_id = "showPartner", params(PartnerPath, PartnerQuery),
    security(("apiKey" = [])), responses((status = 200, description = "The partner, or the attempts", body = PartnerAnswer),
    (status = 401, description = "No API key, or one that is not known", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "It needs the role admin", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "The partner has no such endpoint", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "A parameter is not of its form", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "The API key's calls of this minute are used up", body = Problem, content_type = "application/problem+json"),
    Anyone))]
pub(super) fn show() {}

/// Makes, changes, tests and removes webhook endpoints. Needs the role admin. Every change is on record.
#[utoipa::path(post, path = "/api/partners/{id}", tag = "operation", operation_id = "changePartner", params(PartnerPath, SendHeader),
    request_body = PartnerRequest, security(("apiKey" = [])), responses(
    (status = 200, description = "What was done", body = PartnerChanged),
    (status = 201, description = "The endpoint, with its secret", body = Endpoint),
    (status = 202, description = "The webhook that will be sent", body = WebhookQueued),
    (status = 400, description = "The body is not JSON, or `Idempotency-Key` is not of its form", body = Problem, content_type = "application/problem+json"),
    (status = 401, description = "No API key, or one that is not known", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "It needs the role admin", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "The partner has no such endpoint or webhook", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "An endpoint has this address, there are too many, or it was changed meanwhile", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "The body has more than 256 KiB", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Something is not of its form: the detail says what was expected", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "The API key's calls of this minute are used up", body = Problem, content_type = "application/problem+json"),
    Anyone))]
pub(super) fn change() {}
