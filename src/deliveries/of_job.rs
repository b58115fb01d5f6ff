//! `of_job`: what is known of a job's mails.

use std::collections::BTreeMap;

use super::Deliveries;
use crate::domain::id::JobId;
use crate::domain::mail_event::MailEvent;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static OF_JOB: Script = upstash_script!("of_job", "of_job.lua");

/// What is known of one mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailDelivery {
    /// When what happened first.
    pub events: BTreeMap<MailEvent, Millis>,
    /// The provider's name of it.
    pub message_id: Option<String>,
    /// A code of the provider's that says why it was not delivered.
    pub why: Option<String>,
}

impl MailDelivery {
    /// Returns how the mail stands: the strongest of what happened, whenever it was told.
    pub fn status(&self) -> Option<MailEvent> {
        self.events.keys().next_back().copied()
    }
}

impl Deliveries {
    /// Returns what is known of a job's mails, by the recipient's place among the job's, from 1.
    pub async fn of_job(&self, job: &JobId) -> Result<BTreeMap<u32, MailDelivery>, UpstashError> {
        let call = ScriptCall { script: &OF_JOB, keys: vec![self.keys.delivery(job)], args: Vec::new() };
        read(self.upstash.run(Patience::REQUEST, &call).await?)
    }
}

fn read(reply: Reply) -> Result<BTreeMap<u32, MailDelivery>, UpstashError> {
    let mut deliveries: BTreeMap<u32, MailDelivery> = BTreeMap::new();
    let mut reply = reply.array()?.into_iter();
    while let (Some(field), Some(value)) = (reply.next(), reply.next()) {
        let (field, value) = (field.text()?, value.text()?);
        let Some((recipient, what)) = field.split_once(':') else { continue };
        let Ok(recipient) = recipient.parse() else { continue };
        let delivery = deliveries.entry(recipient).or_default();
        match what {
            "message" => delivery.message_id = Some(value),
            "why" => delivery.why = Some(value),
            _ => {
                let event = MailEvent::named(what).zip(value.parse().ok());
                delivery.events.extend(event.map(|(event, at)| (event, Millis(at))));
            }
        }
    }
    Ok(deliveries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_stands_as_the_strongest_of_what_happened() {
        let fields = [
            "1:delivered",
            "20",
            "1:sent",
            "10",
            "2:opened",
            "9",
            "2:bounced",
            "8",
            "2:why",
            "x",
            "3:?",
            "1",
            "?",
            "1",
        ];
        let fields = fields.map(|text| Reply::Text(text.to_owned()));
        let read = read(Reply::Array(fields.to_vec())).unwrap();
        assert_eq!(read[&1].status(), Some(MailEvent::Delivered));
        assert_eq!(read[&1].events, [(MailEvent::Sent, Millis(10)), (MailEvent::Delivered, Millis(20))].into());
        assert_eq!((read[&2].status(), read[&2].why.as_deref()), (Some(MailEvent::Bounced), Some("x")));
        assert_eq!(read[&3].status(), None);
    }
}
