//! What happens to a mail after it was accepted, told as Resend tells it.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::message::{Mail, MailStatus};
use crate::postman::{Message, Sign};
use crate::{clock, id};

/// Something that happened to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailEvent {
    /// It was handed to the recipient's server.
    #[serde(rename = "email.sent")]
    Sent,
    /// The server took it.
    #[serde(rename = "email.delivered")]
    Delivered,
    /// The server does not take it yet.
    #[serde(rename = "email.delivery_delayed")]
    DeliveryDelayed,
    /// The server refuses it for good.
    #[serde(rename = "email.bounced")]
    Bounced,
    /// The recipient marked it as spam.
    #[serde(rename = "email.complained")]
    Complained,
    /// The recipient opened it.
    #[serde(rename = "email.opened")]
    Opened,
}

impl MailEvent {
    /// All of them, in the order they usually happen.
    pub const ALL: [Self; 6] =
        [Self::Sent, Self::Delivered, Self::Opened, Self::DeliveryDelayed, Self::Bounced, Self::Complained];

    /// Its type in Resend's events.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Sent => "email.sent",
            Self::Delivered => "email.delivered",
            Self::DeliveryDelayed => "email.delivery_delayed",
            Self::Bounced => "email.bounced",
            Self::Complained => "email.complained",
            Self::Opened => "email.opened",
        }
    }

    pub(super) fn status(self) -> MailStatus {
        match self {
            Self::Sent => MailStatus::Sent,
            Self::Delivered => MailStatus::Delivered,
            Self::DeliveryDelayed => MailStatus::DeliveryDelayed,
            Self::Bounced => MailStatus::Bounced,
            Self::Complained => MailStatus::Complained,
            Self::Opened => MailStatus::Opened,
        }
    }
}

/// What the first address asks for, by what stands before the `@`, a `+label` left aside.
pub(super) fn by_address(to: &[String]) -> Vec<MailEvent> {
    let address = to.first().map_or("", String::as_str);
    let bare = address.rsplit('<').next().unwrap_or(address);
    let local = bare.split(['@', '+']).next().unwrap_or(bare).trim();
    match local {
        "bounced" => vec![MailEvent::Sent, MailEvent::Bounced],
        "complained" => vec![MailEvent::Sent, MailEvent::Delivered, MailEvent::Complained],
        "delayed" => vec![MailEvent::Sent, MailEvent::DeliveryDelayed],
        _ => vec![MailEvent::Sent, MailEvent::Delivered],
    }
}

/// The event as Resend posts it.
pub(super) fn message(mail: &Mail, event: MailEvent) -> Message {
    let tags: serde_json::Map<String, Value> =
        mail.draft.tags.iter().map(|tag| (tag.name.clone(), tag.value.clone().into())).collect();
    let mut data = json!({
        "email_id": mail.id,
        "created_at": clock::rfc3339(mail.created_at_ms),
        "from": mail.draft.from,
        "to": mail.draft.to,
        "subject": mail.draft.subject,
        "tags": tags,
    });
    if event == MailEvent::Bounced {
        data["bounce"] = json!({
            "type": "Permanent",
            "subType": "General",
            "message": "The recipient's email server permanently rejected the email.",
        });
    }
    let body = json!({ "type": event.kind(), "created_at": clock::rfc3339(clock::now_ms()), "data": data });
    Message { id: id::token("msg_", 27), kind: event.kind().to_owned(), body: Bytes::from(body.to_string()) }
}

/// Signs as Svix does, which carries Resend's events: Standard Webhooks with headers of its own.
pub(super) fn signer(secret: &str) -> Sign {
    let webhook = Webhook::new(secret).ok();
    Arc::new(move |message, now_secs| {
        let signature = webhook
            .as_ref()
            .and_then(|webhook| webhook.sign(&message.id, now_secs, &message.body).ok())
            .unwrap_or_default();
        vec![("svix-id", message.id.clone()), ("svix-timestamp", now_secs.to_string()), ("svix-signature", signature)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_what_happens() {
        let last = |to: &str| by_address(&[to.to_owned()]).last().copied();

        assert_eq!(last("bounced+order-7@resend.dev"), Some(MailEvent::Bounced));
        assert_eq!(last("Ann <complained@example.com>"), Some(MailEvent::Complained));
        assert_eq!(last("ann@example.com"), Some(MailEvent::Delivered));
    }
}
