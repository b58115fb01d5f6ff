//! `read_partner`: a partner's endpoints.

use std::collections::BTreeMap;

use super::Partners;
use crate::domain::email_address::EmailAddress;
use crate::domain::endpoint::Endpoint;
use crate::domain::id::{EndpointId, PartnerId};
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static READ_PARTNER: Script = upstash_script!("read_partner", "read.lua");

/// A partner. One of whom nothing is known has no endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partner {
    /// Where it is told that an endpoint was disabled.
    pub email: Option<EmailAddress>,
    /// How often its endpoints were changed; empty where they never were.
    pub version: String,
    /// Its endpoints.
    pub endpoints: BTreeMap<String, KnownEndpoint>,
}

/// An endpoint, and how it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// It.
    pub endpoint: Endpoint,
    /// The document as it is stored.
    pub stored: String,
    /// How it does.
    pub does: Does,
}

/// How an endpoint does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Does {
    /// Since when every delivery has failed.
    pub failing_since: Option<Millis>,
    /// Why it was disabled, where it was by itself: `gone` or `failing`.
    pub disabled: Option<String>,
    /// When.
    pub disabled_at: Option<Millis>,
    /// Whether its partner is still to be told.
    pub notice_due: bool,
}

/// How an endpoint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It is told what it wants.
    Told,
    /// It is told, and has not answered since.
    Failing(Millis),
    /// An operator disabled it.
    Off,
    /// It was disabled by itself.
    Disabled {
        /// `gone` or `failing`.
        why: &'a str,
        /// When.
        at: Option<Millis>,
    },
}

impl KnownEndpoint {
    /// Returns how it stands.
    pub fn standing(&self) -> Standing<'_> {
        match (&self.does.disabled, self.endpoint.enabled, self.does.failing_since) {
            (Some(why), ..) => Standing::Disabled { why, at: self.does.disabled_at },
            (None, false, _) => Standing::Off,
            (None, true, Some(since)) => Standing::Failing(since),
            (None, true, None) => Standing::Told,
        }
    }

    /// Tells whether it is told anything.
    pub fn is_on(&self) -> bool {
        matches!(self.standing(), Standing::Told | Standing::Failing(_))
    }
}

impl Standing<'_> {
    /// Writes it for a person, with times as `ago` writes them.
    pub fn words(self, ago: impl Fn(Millis) -> String) -> String {
        match self {
            Self::Told => "enabled".to_owned(),
            Self::Failing(since) => format!("failing, first {}", ago(since)),
            Self::Off => "disabled by an operator".to_owned(),
            Self::Disabled { why, at: None } => format!("disabled: {why}"),
            Self::Disabled { why, at: Some(at) } => format!("disabled: {why}, {}", ago(at)),
        }
    }
}

impl Partners {
    /// Returns what is known of a partner.
    pub async fn read(&self, id: &PartnerId) -> Result<Partner, UpstashError> {
        let args = vec![self.keys.prefix().to_owned().into()];
        let call = ScriptCall { script: &READ_PARTNER, keys: vec![self.keys.partner(id)], args };
        let reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?;
        let mut texts = reply.into_iter().map(Reply::text);
        let email = email(&texts.next().transpose()?.unwrap_or_default());
        let version = texts.next().transpose()?.unwrap_or_default();
        let mut partner = Partner { email, version, ..Partner::default() };
        while let Some(id) = texts.next().transpose()? {
            let (stored, does) = (texts.next().transpose()?.unwrap_or_default(), Does::read(&mut texts)?);
            if let Some(known) = known(&id, stored, does) {
                partner.endpoints.insert(id, known);
            }
        }
        Ok(partner)
    }
}

impl Does {
    pub(super) fn read(texts: &mut impl Iterator<Item = Result<String, UpstashError>>) -> Result<Self, UpstashError> {
        let mut next = || texts.next().transpose().map(Option::unwrap_or_default);
        let (failing_since, disabled, disabled_at, notice) = (next()?, next()?, next()?, next()?);
        Ok(Self {
            failing_since: failing_since.parse().ok().map(Millis),
            disabled: Some(disabled).filter(|why| !why.is_empty()),
            disabled_at: disabled_at.parse().ok().map(Millis),
            notice_due: notice == "due",
        })
    }
}

/// Reads a stored address.
pub(super) fn email(text: &str) -> Option<EmailAddress> {
    EmailAddress::parse(text).ok()
}

/// Reads a stored endpoint. One that cannot be read is told nothing; it can be made anew.
pub(super) fn known(id: &str, stored: String, does: Does) -> Option<KnownEndpoint> {
    let (id, endpoint) = (EndpointId::parse(id).ok()?, serde_json::from_str(&stored));
    match endpoint {
        Ok(endpoint) => Some(KnownEndpoint { id, endpoint, stored, does }),
        Err(error) => {
            tracing::error!(endpoint = %id, column = error.column(), "an endpoint cannot be read");
            None
        }
    }
}
