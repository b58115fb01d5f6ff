//! `take_in`: note what happened to a mail.

use std::time::Duration;

use super::{AddressHash, Deliveries, KEEP};
use crate::domain::id::JobId;
use crate::domain::mail_event::MailEvent;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static TAKE_IN: Script = upstash_script!("take_in", "take_in.lua");

/// How long an event is known to have been taken in. Resend repeats one for 28 hours, Mailgun for eight (their documentation, November
/// 2026); longer than any of them is taken for fresh.
const KEEP_MARK: Duration = Duration::from_hours(48);

/// Something that happened to a mail, as the provider told it.
#[derive(Clone, Debug)]
pub struct Happened {
    /// What names the event: none of these may have been seen before.
    pub names: Vec<String>,
    /// The job the mail was of.
    pub job: JobId,
    /// The recipient's place among the job's, from 1.
    pub recipient: u32,
    /// What happened.
    pub event: MailEvent,
    /// When.
    pub at: Millis,
    /// The provider's name of the mail.
    pub message_id: Option<String>,
    /// A code of the provider's that says more.
    pub why: Option<String>,
    /// The address that is not to be written to, and until when.
    pub suppress: Option<(AddressHash, Millis)>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is noted.
    Done,
    /// The job is not known any more, or is another deployment's. An address to be suppressed is.
    UnknownJob,
    /// It was taken in before.
    Duplicate,
}

impl Deliveries {
    /// Notes what happened to a mail. `call` is a name of this call: repeated under it, the answer is the first one's.
    pub async fn take_in(&self, call: &str, happened: &Happened, now: Millis) -> Result<Noted, UpstashError> {
        let mut keys = vec![
            self.keys.delivery(&happened.job),
            self.keys.job(&happened.job),
            self.keys.suppressed(),
            self.keys.measures(),
        ];
        keys.extend(happened.names.iter().map(|name| self.keys.mail_event(name)));
        let (address, until) = happened
            .suppress
            .as_ref()
            .map_or_else(Default::default, |(hash, until)| (hash.to_string(), until.to_string()));
        let args = vec![
            call.into(),
            now.to_string().into(),
            happened.recipient.to_string().into(),
            happened.event.as_str().into(),
            happened.at.to_string().into(),
            happened.message_id.as_deref().unwrap_or_default().into(),
            happened.why.as_deref().unwrap_or_default().into(),
            KEEP.as_millis().to_string().into(),
            KEEP_MARK.as_millis().to_string().into(),
            address.into(),
            until.into(),
        ];
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &TAKE_IN, keys, args }).await?;
        match reply.text()?.as_str() {
            "noted" => Ok(Noted::Done),
            "unknown_job" => Ok(Noted::UnknownJob),
            "duplicate" => Ok(Noted::Duplicate),
            other => Err(UpstashError::Unknown(format!("take_in answered {other:?}"))),
        }
    }
}
