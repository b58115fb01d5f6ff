//! `find`: which jobs and escrows name an e-mail address.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{AddressHash, Deliveries};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::{EscrowId, JobId};
use crate::domain::job::JobDocument;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static FIND: Script = upstash_script!("find", "find.lua");

/// Keys looked at in one stretch where payloads are sealed and come whole. Chosen: 100 of the largest size are 6 MB, under Upstash's 10 MB.
const SEALED_STRETCH: u32 = 100;

/// Keys looked at in one stretch. Chosen: Redis walks them in well under a millisecond each hundred, and `MGET` takes them at once.
const STRETCH: u32 = 1_000;

/// What a stretch of the store has of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Jobs that go to it.
    pub jobs: Vec<JobId>,
    /// Escrows of which it is a party.
    pub escrows: Vec<EscrowId>,
    /// Keys that were looked at.
    pub looked_at: u64,
    /// Where the next stretch begins; nothing at the end.
    pub next: Option<u64>,
}

impl Deliveries {
    /// Looks through one stretch of the store, from a place on; from 0 at the beginning. What is written meanwhile may be missed.
    pub async fn find(&self, wanted: &AddressHash, from: u64) -> Result<Found, UpstashError> {
        let args = vec![from.to_string().into(), self.stretch().to_string().into(), self.keys.prefix().into()];
        let call = ScriptCall { script: &FIND, keys: Vec::new(), args };
        let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter();
        let odd = |_| UpstashError::Unknown("find: the answer has no number".into());
        let mut number = || reply.next().unwrap_or(Reply::Null).text()?.parse().map_err(odd);
        let (next, looked_at): (u64, u64) = (number()?, number()?);
        let mut found = Found { looked_at, next: Some(next).filter(|next| *next > 0), ..Found::default() };
        while let (Some(kind), Some(id), Some(address)) = (reply.next(), reply.next(), reply.next()) {
            let (kind, id, address) = (kind.text()?, id.text()?, address.text()?);
            if kind == "sealed" {
                let names = self.opened(&id, &address).is_some_and(|payload| names(&payload, wanted));
                push(&mut found.jobs, JobId::parse(id).ok().filter(|_| names));
                continue;
            }
            let address: Option<EmailAddress> = serde_json::from_str(&address).ok();
            if address.is_none_or(|address| AddressHash::of(&address) != *wanted) {
                continue;
            }
            match kind.as_str() {
                "escrow" => push(&mut found.escrows, EscrowId::parse(id).ok()),
                _ => push(&mut found.jobs, JobId::parse(id).ok()),
            }
        }
        Ok(found)
    }

    fn stretch(&self) -> u32 {
        if self.payload_keys.is_some() { SEALED_STRETCH } else { STRETCH }
    }

    /// Returns the payload of a sealed job, where it can be opened here.
    fn opened(&self, id: &str, document: &str) -> Option<Box<RawValue>> {
        let document = JobDocument::read(JobId::parse(id).ok()?, document, Millis(0)).ok()?;
        let document = document.opened(self.payload_keys.as_ref());
        (!document.is_sealed()).then_some(document.payload)
    }
}

/// Tells whether a payload names the address as a mail's recipient.
fn names(payload: &RawValue, wanted: &AddressHash) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Mail {
        recipient_email: Option<EmailAddress>,
        recipients: Option<Vec<EmailAddress>>,
    }
    serde_json::from_str::<Mail>(payload.get()).is_ok_and(|mail| {
        let mut addresses = mail.recipient_email.into_iter().chain(mail.recipients.into_iter().flatten());
        addresses.any(|address| AddressHash::of(&address) == *wanted)
    })
}

/// Adds what is not there yet: both parties may have one address.
fn push<T: PartialEq>(list: &mut Vec<T>, item: Option<T>) {
    list.extend(item.filter(|item| !list.contains(item)));
}
