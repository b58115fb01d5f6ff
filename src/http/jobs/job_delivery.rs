//! What became of a job's mails and webhooks, as `GET /api/jobs/{id}` shows it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::deliveries::MailDelivery;
use crate::domain::email_address::EmailAddress;
use crate::domain::mail_event::MailEvent;

/// The mails of one job of which something is known.
pub(super) struct Mails<'a> {
    pub(super) recipients: &'a [EmailAddress],
    pub(super) known: BTreeMap<u32, MailDelivery>,
}

/// What became of a webhook's job: the jobs it was split into, one an endpoint, or its own attempts, the newest first.
pub(super) struct Webhooks {
    pub(super) children: Vec<(String, String)>,
    pub(super) attempts: Vec<Box<RawValue>>,
}

impl Serialize for Webhooks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Child<'a> {
            endpoint: &'a str,
            job_id: &'a str,
        }
        if self.children.is_empty() {
            return self.attempts.serialize(serializer);
        }
        serializer.collect_seq(self.children.iter().map(|(endpoint, job_id)| Child { endpoint, job_id }))
    }
}

impl Serialize for Mails<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mails = self.known.iter().map(|(place, delivery)| {
            let index = usize::try_from(*place).ok().and_then(|place| place.checked_sub(1));
            Mail { to: index.and_then(|index| self.recipients.get(index)), delivery }
        });
        serializer.collect_seq(mails)
    }
}

/// One mail: to whom, how it stands, when what happened, and the provider's name of it.
struct Mail<'a> {
    to: Option<&'a EmailAddress>,
    delivery: &'a MailDelivery,
}

impl Serialize for Mail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let MailDelivery { events, message_id, why } = self.delivery;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("to", &self.to.map(ToString::to_string))?;
        map.serialize_entry("status", &self.delivery.status().map(MailEvent::as_str))?;
        for (event, at) in events {
            map.serialize_entry(&format!("{}At", event.as_str()), at)?;
        }
        if let Some(why) = why {
            map.serialize_entry("why", why)?;
        }
        if let Some(message_id) = message_id {
            map.serialize_entry("messageId", message_id)?;
        }
        map.end()
    }
}
