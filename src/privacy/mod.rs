//! Privacy: an address is found wherever the store names it, and blanked where it is no longer needed.
//!
//! What is still under way keeps it, since somebody waits for that mail: a job that is not done, an escrow whose money is not settled.
//! It is counted, and a later run finds it. The audit log names no addresses; it could not be changed without breaking its chain.

mod blanked;

use crate::deliveries::AddressHash;
use crate::domain::email_address::EmailAddress;
use crate::domain::escrow::{Escrow, State};
use crate::domain::id::JobId;
use crate::domain::job::JobDocument;
use crate::domain::limits::MAX_STEP_BYTES;
use crate::domain::millis::Millis;
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

/// A text that names the address.
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
    /// Makes it.
    pub fn new(upstash: Upstash, keys: Keys) -> Self {
        Self { upstash, keys }
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
            match named.without(address) {
                Some(text) => to_blank.push((named, text)),
                None if named.holder == Holder::Delivery || blanked(&named.text, address).is_some() => {
                    stretch.left.push(named.holder);
                }
                // Another address that merely contains this one.
                None => {}
            }
        }
        if !really {
            stretch.blanked = to_blank.iter().map(|(named, _)| named.holder).collect();
            return Ok(stretch);
        }
        while !to_blank.is_empty() {
            let mut bytes = 0;
            let fits = |(named, _): &&(Named, String)| {
                let fits = bytes < MAX_STEP_BYTES;
                bytes += named.text.len();
                fits
            };
            let step: Vec<_> = to_blank.drain(..to_blank.iter().take_while(fits).count()).collect();
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

impl Named {
    /// Returns the text without the address; nothing where it has to stay, or is not there.
    fn without(&self, address: &EmailAddress) -> Option<String> {
        match self.holder {
            Holder::Delivery => Some(String::new()),
            Holder::Answer => blanked(&self.text, address),
            Holder::Job if is_over(&self.text) => blanked(&self.text, address),
            Holder::Escrow if is_settled(&self.text) => blanked(&self.text, address),
            Holder::Job | Holder::Escrow => None,
        }
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
