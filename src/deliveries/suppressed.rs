//! `suppressed` and `lift`: the addresses that are not written to, and letting one be written to again.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Deliveries;
use crate::domain::audit_event::{AuditedChange, Subject};
use crate::domain::email_address::EmailAddress;
use crate::domain::hex::hex;
use crate::domain::job::JobType;
use crate::domain::mail_event::FOR_GOOD;
use crate::domain::millis::Millis;
use crate::queue::{ChangeError, Recorder};
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static LIST: Script = upstash_script!("suppressed", "suppressed.lua");
pub(super) static LIFT: Script = upstash_script!("lift", "../queue/record.lua", "lift.lua");

/// What is kept of an address: SHA-256 of it in lower case, as 64 hexadecimal digits. Who knows an address can look for it; the list
/// tells nobody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressHash(String);

impl AddressHash {
    /// Returns the hash of an address.
    pub fn of(address: &EmailAddress) -> Self {
        Self(hex(Sha256::digest(address.expose().to_lowercase())))
    }

    /// Takes 64 hexadecimal digits in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let of_form = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        of_form.then(|| Self(text.to_owned()))
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AddressHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address that is not written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Whose.
    pub address: AddressHash,
    /// Until when; nothing for good.
    pub until: Option<Millis>,
}

impl Suppressed {
    /// Says why: a complaint closes an address for good, a bounce for a time.
    pub fn reason(&self) -> &'static str {
        if self.until.is_some() { "bounced" } else { "complained" }
    }
}

impl Serialize for Suppressed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Suppressed", 3)?;
        fields.serialize_field("address", self.address.as_str())?;
        fields.serialize_field("reason", self.reason())?;
        fields.serialize_field("until", &self.until)?;
        fields.end()
    }
}

/// Where an address stands among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressedPlace {
    /// Until when it is not written to.
    pub until: Millis,
    /// Its hash.
    pub address: AddressHash,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressedPage {
    /// The addresses, those that end first.
    pub addresses: Vec<Suppressed>,
    /// Where the next page begins, while others may follow.
    pub next: Option<SuppressedPlace>,
}

impl Deliveries {
    /// Returns the addresses that are not written to, behind a place, up to `limit` of them.
    pub async fn suppressed(
        &self,
        after: Option<&SuppressedPlace>,
        limit: u32,
        now: Millis,
    ) -> Result<SuppressedPage, UpstashError> {
        let args = vec![
            now.to_string().into(),
            after.map_or_else(String::new, |place| place.until.to_string()).into(),
            after.map_or("", |place| place.address.as_str()).into(),
            limit.to_string().into(),
        ];
        let call = ScriptCall { script: &LIST, keys: vec![self.keys.suppressed()], args };
        let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
        let (mut addresses, mut last) = (Vec::new(), None);
        while let (Some(address), Some(until)) = (reply.next(), reply.next()) {
            let (Some(address), until) = (AddressHash::parse(&address.text()?), Millis(until.integer()?)) else {
                continue;
            };
            addresses
                .push(Suppressed { address: address.clone(), until: Some(until).filter(|until| *until < FOR_GOOD) });
            last = Some(SuppressedPlace { until, address });
        }
        let is_full = addresses.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(SuppressedPage { addresses, next: last.filter(|_| is_full) })
    }

    /// Lets an address be written to again; false where it may be already.
    pub async fn lift(&self, address: &AddressHash, recorder: &Recorder) -> Result<bool, ChangeError> {
        let (before, after) = (json!({"suppressed": true}), json!({"suppressed": false}));
        let subject = Subject::of("suppression", address);
        let record = recorder.record(AuditedChange::new("suppression_lifted", subject, before, after));
        let record = record.map_err(ChangeError::Record)?;
        let document = &record.document;
        let keys = vec![
            self.keys.suppressed(),
            self.keys.counters(),
            self.keys.queue(JobType::AuditLogCreated),
            self.keys.job(&document.id),
        ];
        let args = vec![address.as_str().into(), document.id.as_str().into(), document.to_json().into()];
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &LIFT, keys, args }).await?;
        Ok(reply.text()? == "lifted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_by_its_hash_in_any_case() {
        let of = |text: &str| AddressHash::of(&EmailAddress::parse(text).unwrap());
        // printf jane@example.com | sha256sum
        assert_eq!(of("Jane@Example.com").as_str(), "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d");
        assert_eq!(AddressHash::parse(of("a@b").as_str()), Some(of("a@b")));
        for bad in ["", "x", &"A".repeat(64), &"a".repeat(63)] {
            assert_eq!(AddressHash::parse(bad), None);
        }
    }
}
