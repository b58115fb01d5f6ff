//! Resend's events: signed in the headers `svix-*`, as in Standard Webhooks.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;

use super::Told;
use crate::config::Config;
use crate::deliveries::{JOB_TAG, RECIPIENT_TAG};
use crate::domain::mail_event::MailEvent;
use crate::domain::millis::Millis;
use crate::domain::webhook_signature::{SignatureError, verify};
use crate::http::{ApiError, Request};

const HEADERS: [&str; 3] = ["svix-id", "svix-timestamp", "svix-signature"];

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    created_at: Option<String>,
    data: Data,
}

/// What the event is about: a mail, or a contact or domain, which have other fields.
#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    email_id: Option<String>,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    bounce: Option<Bounce>,
}

/// Labels, which were a list before they were an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    Object(BTreeMap<String, String>),
    List(Vec<Tag>),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Bounce {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(rename = "subType", default)]
    sub_kind: String,
}

impl Default for Tags {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Tags {
    fn value(&self, name: &str) -> Option<String> {
        match self {
            Self::Object(tags) => tags.get(name).cloned(),
            Self::List(tags) => tags.iter().find(|tag| tag.name == name).map(|tag| tag.value.clone()),
            Self::Other(_) => None,
        }
    }
}

/// Tells whether a request has the marks of Resend's.
pub(super) fn is_signed(request: &Request) -> bool {
    HEADERS.iter().any(|name| request.headers.contains_key(*name))
}

/// Reads an event whose signature holds; nothing for one that is about no mail.
pub(super) fn read(config: &Config, request: &Request, now: Millis) -> Result<Option<Told>, ApiError> {
    let secrets = config.resend_webhook_secrets.as_ref().map_err(Clone::clone)?;
    let [id, seconds, signature] = HEADERS.map(|name| request.header(name).unwrap_or_default());
    verify(secrets, (id, seconds, signature), &request.body, now).map_err(|error| {
        let detail = match error {
            SignatureError::Malformed => {
                let [id, seconds, signature] = HEADERS;
                format!("the headers {id}, {seconds} and {signature} are not an id, a time in seconds, and v1, with base64 behind it")
            }
            other => other.to_string(),
        };
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_signature", detail)
    })?;
    let Ok(event) = serde_json::from_slice::<Event>(&request.body) else {
        // Signed and of another form: an event that came to be after this was written.
        return Ok(None);
    };
    let bounce = event.data.bounce.as_ref();
    let why = bounce.map(|bounce| format!("{} {}", bounce.kind, bounce.sub_kind).trim().to_owned());
    Ok(Some(Told {
        names: vec![format!("resend:{id}")],
        event: named(&event.kind),
        is_permanent: bounce.is_some_and(|bounce| bounce.kind.eq_ignore_ascii_case("permanent")),
        at: event.created_at.as_deref().and_then(Millis::from_rfc3339),
        job: event.data.tags.value(JOB_TAG),
        place: event.data.tags.value(RECIPIENT_TAG),
        message_id: event.data.email_id,
        why,
        address: event.data.to.into_iter().next(),
    }))
}

/// Resend's names. Its documentation, "Event Types", November 2026.
fn named(kind: &str) -> Option<MailEvent> {
    Some(match kind {
        "email.sent" => MailEvent::Sent,
        "email.delivered" => MailEvent::Delivered,
        "email.delivery_delayed" => MailEvent::Delayed,
        "email.bounced" => MailEvent::Bounced,
        "email.complained" => MailEvent::Complained,
        "email.opened" | "email.clicked" => MailEvent::Opened,
        "email.failed" => MailEvent::Failed,
        "email.suppressed" => MailEvent::Suppressed,
        _ => return None,
    })
}
