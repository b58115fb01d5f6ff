//! Privacy: an address is found wherever the store names it, and blanked where it is no longer needed.
//!
//! What is still under way keeps it, since somebody waits for that mail: a job that is not done, an escrow whose money is not settled.
//! It is counted, and a later run finds it. The audit log names no addresses; it could not be changed without breaking its chain.

mod blanked;

use serde_json::value::RawValue;

use crate::deliveries::AddressHash;
use crate::domain::email_address::EmailAddress;
use crate::domain::escrow::{Escrow, State};
use crate::domain::id::JobId;
use crate::domain::job::JobDocument;
use crate::domain::limits::MAX_STEP_BYTES;
use crate::domain::millis::Millis;
use crate::domain::sealed::PayloadKeys;
use crate::upstash::keys::Keys;
use crate::upstash::{Patience, Reply, Script, ScriptCall, Upstash, UpstashError};
use crate::upstash_script;

use blanked::blanked;

static FIND_ADDRESS: Script = upstash_script!("find_address", "find_address.lua");
static BLANK: Script = upstash_script!("blank", "blank.lua");

/// The scripts, for the test that compares each header with its call.
pub static SCRIPTS: [&Script; 2] = [&FIND_ADDRESS, &BLANK];

/// Keys looked at in one call, about. Chosen: 100 documents of the largest size are 6 MB, under Upstash's 10 MB.
const COUNT: usize = 100;

/// Forgets addresses in one deployment's store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Privacy {
    upstash: Upstash,
    keys: Keys,
    payload_keys: Option<PayloadKeys>,
}

/// What holds an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A job.
    Job,
    /// An escrow.
    Escrow,
    /// The kept answer to a request.
    Answer,
    /// What is known of a job's mails: a hash of the address.
    Delivery,
}

/// What was found in a stretch of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Where the next one begins; nothing at the end.
    pub next: Option<String>,
    /// Keys looked at.
    pub looked_at: u64,
    /// What no longer names the address, or would not.
    pub blanked: Vec<Holder>,
    /// What still names it, because it is under way or changed just now.
    pub left: Vec<Holder>,
}

/// A text that may name the address.
struct Named {
    holder: Holder,
    key: String,
    field: String,
    text: String,
}

impl Holder {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Job, Self::Escrow, Self::Answer, Self::Delivery];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Escrow => "escrow",
            Self::Answer => "answer",
            Self::Delivery => "delivery",
        }
    }
}

impl Privacy {
    /// Makes it. What is sealed is looked into under `payload_keys`.
    pub fn new(upstash: Upstash, keys: Keys, payload_keys: Option<PayloadKeys>) -> Self {
        Self { upstash, keys, payload_keys }
    }

    /// Looks at a stretch of the store, and blanks the address in it where `really`.
    ///
    /// # Guarantees
    /// Each text is compared with what was read, so nothing that changes meanwhile is overwritten; a call may be repeated.
    pub async fn forget(
        &self,
        address: &EmailAddress,
        cursor: Option<&str>,
        really: bool,
    ) -> Result<Stretch, UpstashError> {
        let (mut stretch, found) = self.find(address, cursor.unwrap_or("0")).await?;
        let mut to_blank: Vec<(Named, String)> = Vec::new();
        for named in found {
            match self.without(&named, address) {
                Without::Blanked(text) => to_blank.push((named, text)),
                Without::Kept => stretch.left.push(named.holder),
                Without::Unnamed => {}
            }
        }
        if !really {
            stretch.blanked = to_blank.iter().map(|(named, _)| named.holder).collect();
            return Ok(stretch);
        }
        while !to_blank.is_empty() {
            let mut bytes = 0;
            let fits = |(named, text): &&(Named, String)| {
                bytes += named.text.len().max(text.len());
                bytes <= MAX_STEP_BYTES
            };
            // One that is larger than a step goes alone.
            let fitting = to_blank.iter().take_while(fits).count().max(1);
            let step: Vec<_> = to_blank.drain(..fitting).collect();
            self.blank(&step, &mut stretch).await?;
        }
        Ok(stretch)
    }

    async fn find(&self, address: &EmailAddress, cursor: &str) -> Result<(Stretch, Vec<Named>), UpstashError> {
        let args = vec![
            cursor.to_owned().into(),
            COUNT.to_string().into(),
            self.keys.prefix().to_owned().into(),
            address.expose().to_ascii_lowercase().into(),
            AddressHash::of(address).to_string().into(),
            if self.payload_keys.is_some() { "1" } else { "" }.into(),
        ];
        let call = ScriptCall { script: &FIND_ADDRESS, keys: Vec::new(), args };
        let mut reply = self.upstash.run(Patience::SETTLE, &call).await?.array()?.into_iter();
        let mut next = || reply.next().unwrap_or(Reply::Null);
        let (cursor, looked_at) = (next().text()?, next().integer()?);
        let next_cursor = Some(cursor).filter(|cursor| cursor != "0");
        let looked_at = u64::try_from(looked_at).unwrap_or(0);
        let stretch = Stretch { next: next_cursor, looked_at, ..Stretch::default() };
        let mut found = Vec::new();
        while let Some(kind) = reply.next() {
            let kind = kind.text()?;
            let mut text = || reply.next().unwrap_or(Reply::Null).text();
            let holder = Holder::ALL.into_iter().find(|holder| holder.as_str() == kind);
            let holder = holder.ok_or_else(|| UpstashError::Unknown(format!("find_address answered {kind:?}")))?;
            found.push(Named { holder, key: text()?, field: text()?, text: text()? });
        }
        Ok((stretch, found))
    }

    async fn blank(&self, step: &[(Named, String)], stretch: &mut Stretch) -> Result<(), UpstashError> {
        let keys = step.iter().map(|(named, _)| named.key.clone()).collect();
        let texts = |(named, text): &'_ (Named, String)| [named.field.clone(), named.text.clone(), text.clone()];
        let args = step.iter().flat_map(texts).map(Into::into).collect();
        let call = ScriptCall { script: &BLANK, keys, args };
        let words = self.upstash.run(Patience::SETTLE, &call).await?.array()?;
        for ((named, _), word) in step.iter().zip(words) {
            let into = if word.text()? == "blanked" { &mut stretch.blanked } else { &mut stretch.left };
            into.push(named.holder);
        }
        Ok(())
    }
}

/// A text without the address.
enum Without {
    /// As it is to be stored.
    Blanked(String),
    /// It has to stay, since it is under way.
    Kept,
    /// It is not there: another address merely contains it, or a sealed payload has others.
    Unnamed,
}

impl Privacy {
    fn without(&self, named: &Named, address: &EmailAddress) -> Without {
        let text = match named.holder {
            Holder::Delivery => Some(String::new()),
            Holder::Job => self.job_without(named, address),
            Holder::Answer | Holder::Escrow => blanked(&named.text, address),
        };
        let Some(text) = text else { return Without::Unnamed };
        let may_go = match named.holder {
            Holder::Delivery | Holder::Answer => true,
            Holder::Job => is_over(&named.text),
            Holder::Escrow => is_settled(&named.text),
        };
        if may_go { Without::Blanked(text) } else { Without::Kept }
    }

    /// Blanks a job's text, and its payload where that is sealed and can be opened here.
    fn job_without(&self, named: &Named, address: &EmailAddress) -> Option<String> {
        let around = blanked(&named.text, address);
        let text = around.as_ref().unwrap_or(&named.text);
        self.resealed(&named.key, text, address).or(around)
    }

    fn resealed(&self, key: &str, text: &str, address: &EmailAddress) -> Option<String> {
        let keys = self.payload_keys.as_ref();
        let id = JobId::parse(key.strip_prefix(self.keys.prefix())?.strip_prefix("job:")?).ok()?;
        let document = JobDocument::read(id, text, Millis(0)).ok()?;
        if !document.is_sealed() {
            return None;
        }
        let document = document.opened(keys);
        let payload = RawValue::from_string(blanked(document.payload.get(), address)?).ok()?;
        (!document.is_sealed()).then(|| document.with_payload(payload).sealed(keys).to_json())
    }
}

/// Tells whether a job's life is over. One that cannot be read will not be run either.
fn is_over(text: &str) -> bool {
    let Ok(job_type) = JobDocument::type_of(text) else { return true };
    let id = JobId::new(Millis(0), [0; crate::domain::id::JOB_ID_RANDOM]);
    JobDocument::parse(id, job_type, text, Millis(0)).is_ok_and(|document| document.status.is_terminal())
}

/// Tells whether nothing more is to happen with an escrow's money by itself.
fn is_settled(text: &str) -> bool {
    let settled = |state| {
        use State::{Cancelled, ChargedBack, Expired, PartiallyRefunded, Refunded, Released};
        matches!(state, Released | Refunded | PartiallyRefunded | Cancelled | Expired | ChargedBack)
    };
    Escrow::parse(text).is_ok_and(|escrow| settled(escrow.state) && escrow.pending.is_none())
}
