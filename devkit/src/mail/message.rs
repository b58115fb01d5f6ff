//! A mail as it is handed in, and what Resend demands of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::MailEvent;
use super::refuse::Refusal;
use crate::{clock, id};

/// Most addresses in `to`. Resend's API reference, "Send Email".
const MAX_RECIPIENTS: usize = 50;

/// Longest name or value of a tag, in characters. Resend's API reference, "Send Email".
const MAX_TAG_LENGTH: usize = 256;

/// What a caller hands in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Draft {
    /// `Name <address>` or an address.
    pub from: String,
    /// The recipients.
    #[serde(deserialize_with = "one_or_many")]
    pub to: Vec<String>,
    /// Copies, seen by all.
    #[serde(deserialize_with = "one_or_many")]
    pub cc: Vec<String>,
    /// Copies, seen by none.
    #[serde(deserialize_with = "one_or_many")]
    pub bcc: Vec<String>,
    /// Where answers go.
    #[serde(deserialize_with = "one_or_many", alias = "replyTo")]
    pub reply_to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The HTML body.
    pub html: Option<String>,
    /// The text body.
    pub text: Option<String>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// Labels that come back with the events.
    pub tags: Vec<Tag>,
}

/// A label on a mail.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Tag {
    /// ASCII letters, digits, `_` and `-`.
    pub name: String,
    /// ASCII letters, digits, `_` and `-`.
    pub value: String,
}

/// How a mail stands: its last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// Accepted, no more is known.
    Queued,
    /// Handed to the recipient's server.
    Sent,
    /// Taken by the recipient's server.
    Delivered,
    /// Not taken yet.
    DeliveryDelayed,
    /// Refused for good.
    Bounced,
    /// Marked as spam by the recipient.
    Complained,
    /// Opened by the recipient.
    Opened,
}

/// A mail that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mail {
    /// The id the caller was given.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// The `Idempotency-Key` it came under.
    pub idempotency_key: Option<String>,
    /// How it stands.
    pub status: MailStatus,
    /// What happened to it, oldest first.
    pub events: Vec<MailEvent>,
    /// What was handed in.
    #[serde(flatten)]
    pub draft: Draft,
}

impl Mail {
    pub(super) fn new(draft: Draft, idempotency_key: Option<&str>) -> Self {
        Self {
            id: id::uuid(),
            created_at_ms: clock::now_ms(),
            idempotency_key: idempotency_key.map(str::to_owned),
            status: MailStatus::Queued,
            events: Vec::new(),
            draft,
        }
    }
}

impl Draft {
    /// Reads a draft as strictly as Resend does.
    pub(super) fn read(json: &Value) -> Result<Self, Refusal> {
        for field in ["from", "to", "subject"] {
            if json.get(field).is_none_or(is_blank) {
                return Err(Refusal::missing_field(field));
            }
        }
        let draft = Self::deserialize(json).map_err(|error| Refusal::validation(&error.to_string()))?;
        draft.check()?;
        Ok(draft)
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.html.is_none() && self.text.is_none() {
            return Err(Refusal::missing_field("html` or `text"));
        }
        if self.to.len() > MAX_RECIPIENTS {
            return Err(Refusal::validation("The `to` field must have at most 50 email addresses."));
        }
        let fields = [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc), ("reply_to", &self.reply_to)];
        let in_fields = fields.into_iter().flat_map(|(field, all)| all.iter().map(move |one| (field, one)));
        for (field, address) in in_fields.chain([("from", &self.from)]) {
            if !is_address(address) {
                return Err(Refusal::invalid_address(field));
            }
        }
        if self.tags.iter().any(|tag| !is_label(&tag.name) || !is_label(&tag.value)) {
            return Err(Refusal::validation(
                "Tags should only contain ASCII letters, numbers, underscores, or dashes, and at most 256 of them.",
            ));
        }
        Ok(())
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(all) => all.is_empty(),
        _ => false,
    }
}

/// Whether the text is `email@example.com` or `Name <email@example.com>`.
fn is_address(text: &str) -> bool {
    let bare = match text.split_once('<') {
        Some((_, rest)) => match rest.trim_end().strip_suffix('>') {
            Some(inner) => inner,
            None => return false,
        },
        None => text.trim(),
    };
    let Some((local, host)) = bare.rsplit_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;@".contains(c))
    };
    plain(local)
        && plain(host)
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !text.contains(['\r', '\n'])
}

fn is_label(text: &str) -> bool {
    text.len() <= MAX_TAG_LENGTH
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected an email address or an array of them")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::<OneOrMany>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(OneOrMany::One(one)) => vec![one],
        Some(OneOrMany::Many(many)) => many,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_bare_or_has_a_name() {
        for good in ["a@b.co", "Ann <a@b.co>", "a+b@c.example.com"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "a", "a@b", "a b@c.co", "Ann <a@b.co", "a@b.co\r\nBcc: x@y.z", "a@.co", "@b.co", "a@b.co, c@d.co"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
