//! `change_partner`: an operator's change of an endpoint, or of where a partner is told of them.

use super::Partners;
use crate::domain::email_address::EmailAddress;
use crate::domain::endpoint::Endpoint;
use crate::domain::id::{EndpointId, PartnerId};
use crate::domain::job::{JobType, NewJob};
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static CHANGE_PARTNER: Script = upstash_script!("change_partner", "../queue/record.lua", "change.lua");

/// What stands for a version that does not matter.
const ANY: &str = "any";

/// What is changed.
#[derive(Clone, Copy, Debug)]
pub enum PartnerChange<'a> {
    /// One endpoint, from the document that was read (nothing for a new one) to another (nothing removes it).
    Endpoint {
        /// Which.
        id: &'a EndpointId,
        /// The document that was read.
        stored: Option<&'a str>,
        /// What it is to be.
        endpoint: Option<&'a Endpoint>,
        /// The version that was read, where the change depends on the partner's other endpoints.
        version: Option<&'a str>,
        /// Whether how it did is forgotten, so that one that was disabled by itself is told again.
        forgets: bool,
    },
    /// Where the partner is told of its endpoints.
    Email {
        /// What was read.
        stored: Option<&'a EmailAddress>,
        /// What it is to be.
        email: Option<&'a EmailAddress>,
    },
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is made.
    Done,
    /// Somebody else changed it since it was read: nothing was done.
    Outdated,
}

impl Partners {
    /// Changes a partner, on record.
    pub async fn change(
        &self,
        partner: &PartnerId,
        change: PartnerChange<'_>,
        record: &NewJob,
    ) -> Result<Changed, UpstashError> {
        let call = match change {
            PartnerChange::Endpoint { id, stored, endpoint, version, forgets } => {
                let value = endpoint.and_then(|endpoint| serde_json::to_string(endpoint).ok()).unwrap_or_default();
                (id.as_str(), stored.unwrap_or_default(), value, version.unwrap_or(ANY), forgets)
            }
            PartnerChange::Email { stored, email } => {
                let text =
                    |email: Option<&'_ EmailAddress>| email.map_or(String::new(), |email| email.expose().to_owned());
                let read = text(stored);
                return self.run(partner, ("email", &read, text(email), ANY, false), record).await;
            }
        };
        self.run(partner, call, record).await
    }

    async fn run(
        &self,
        partner: &PartnerId,
        (field, read, value, version, forgets): (&str, &str, String, &str, bool),
        record: &NewJob,
    ) -> Result<Changed, UpstashError> {
        let document = &record.document;
        let keys = vec![
            self.keys.partner(partner),
            self.keys.endpoint(field),
            self.keys.endpoint_attempts(field),
            self.keys.counters(),
            self.keys.queue(JobType::AuditLogCreated),
            self.keys.job(&document.id),
        ];
        let args = vec![
            field.into(),
            read.into(),
            value.into(),
            u8::from(forgets).to_string().into(),
            version.into(),
            document.id.as_str().into(),
            document.to_json().into(),
        ];
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &CHANGE_PARTNER, keys, args }).await?;
        match reply.text()?.as_str() {
            "changed" => Ok(Changed::Done),
            "outdated" => Ok(Changed::Outdated),
            other => Err(UpstashError::Unknown(format!("change_partner answered {other:?}"))),
        }
    }
}
