//! `find_endpoint`: one endpoint of a partner's.

use super::read::{email, known};
use super::{Does, KnownEndpoint, Partners};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::{EndpointId, PartnerId};
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static FIND_ENDPOINT: Script = upstash_script!("find_endpoint", "find.lua");

/// What is known of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where its partner is told of it.
    pub email: Option<EmailAddress>,
    /// It; nothing where it was removed.
    pub endpoint: Option<KnownEndpoint>,
}

impl Partners {
    /// Returns one endpoint of a partner's.
    pub async fn find(&self, partner: &PartnerId, id: &EndpointId) -> Result<Found, UpstashError> {
        let keys = vec![self.keys.partner(partner), self.keys.endpoint(id.as_str())];
        let call = ScriptCall { script: &FIND_ENDPOINT, keys, args: vec![id.to_string().into()] };
        let reply = self.upstash.run(Patience::SETTLE, &call).await?.array()?;
        let mut texts = reply.into_iter().map(Reply::text);
        let mut next = || texts.next().transpose().map(Option::unwrap_or_default);
        let (address, stored) = (next()?, next()?);
        let does = Does::read(&mut texts)?;
        let endpoint = if stored.is_empty() { None } else { known(id.as_str(), stored, does) };
        Ok(Found { email: email(&address), endpoint })
    }
}
