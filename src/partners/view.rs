//! What is shown of a partner: everything but the secrets, which are shown once, when they are made.

use serde::Serialize;

use super::{KnownEndpoint, Partner};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::PartnerId;
use crate::domain::millis::Millis;

/// A partner with its endpoints.
#[derive(Debug, Serialize)]
pub struct PartnerView<'a> {
    partner: &'a PartnerId,
    email: Option<&'a str>,
    endpoints: Vec<EndpointView<'a>>,
}

/// An endpoint, and how it does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointView<'a> {
    id: &'a str,
    url: &'a str,
    /// Empty for all.
    events: &'a [String],
    enabled: bool,
    /// `gone` or `failing`, where it was disabled by itself.
    disabled_because: Option<&'a str>,
    disabled_at: Option<Millis>,
    failing_since: Option<Millis>,
    /// Until when the secret before this one signs too.
    previous_secret_until: Option<Millis>,
    created_at: Millis,
    updated_at: Millis,
    /// Only where it was made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl<'a> PartnerView<'a> {
    /// Makes the view of a partner as it stands `now`.
    pub fn new(id: &'a PartnerId, partner: &'a Partner, now: Millis) -> Self {
        let endpoints = partner.endpoints.values().map(|known| EndpointView::new(known, now)).collect();
        Self { partner: id, email: partner.email.as_ref().map(EmailAddress::expose), endpoints }
    }
}

impl<'a> EndpointView<'a> {
    /// Makes the view of an endpoint as it stands `now`.
    pub fn new(known: &'a KnownEndpoint, now: Millis) -> Self {
        let KnownEndpoint { id, endpoint, does, .. } = known;
        let previous = endpoint.previous.as_ref().map(|previous| previous.until);
        Self {
            id: id.as_str(),
            url: &endpoint.url,
            events: &endpoint.events,
            enabled: known.is_on(),
            disabled_because: does.disabled.as_deref(),
            disabled_at: does.disabled_at,
            failing_since: does.failing_since,
            previous_secret_until: previous.filter(|until| now < *until),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            secret: None,
        }
    }

    /// Shows the secret.
    #[must_use]
    pub fn with_secret(self, known: &'a KnownEndpoint) -> Self {
        Self { secret: Some(known.endpoint.secret.expose()), ..self }
    }
}
