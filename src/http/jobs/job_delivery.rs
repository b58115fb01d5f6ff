//! What became of a job's mails, as `GET /api/jobs/{id}` shows it.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::deliveries::MailDelivery;
use crate::domain::email_address::EmailAddress;
use crate::domain::job::{JobDocument, Payload};
use crate::domain::mail_event::MailEvent;

/// The mails of one job of which something is known.
pub(super) struct Deliveries {
    recipients: Vec<EmailAddress>,
    known: BTreeMap<u32, MailDelivery>,
}

impl Deliveries {
    pub(super) fn new(recipients: Vec<EmailAddress>, known: BTreeMap<u32, MailDelivery>) -> Self {
        Self { recipients, known }
    }
}

/// Returns whom a job writes to; nobody for one that is about no mail.
pub(super) fn recipients(document: &JobDocument) -> Vec<EmailAddress> {
    Payload::parse(document.job_type, &document.payload)
        .map_or_else(|_| Vec::new(), |payload| payload.recipients().to_vec())
}

impl Serialize for Deliveries {
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
