//! `note_sent`: note that a mail was sent.

use std::time::Duration;

use super::{AddressHash, Deliveries};
use crate::domain::email_address::EmailAddress;
use crate::domain::id::JobId;
use crate::domain::limits::KEEP_DEAD;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static NOTE_SENT: Script = upstash_script!("note_sent", "note_sent.lua");

/// How long it is known that a mail was sent. Chosen: its job may become a dead letter and be brought back on that one's last day.
const KEEP_SENT: Duration = KEEP_DEAD.saturating_add(Duration::from_hours(24));

impl Deliveries {
    /// Notes that the mail of a job to its recipient at `place`, from 1, was sent, and how the provider names it.
    pub async fn note_sent(
        &self,
        job: &JobId,
        (place, to): (usize, &EmailAddress),
        message_id: Option<&str>,
        now: Millis,
    ) -> Result<(), UpstashError> {
        let args = vec![
            now.to_string().into(),
            KEEP_SENT.as_millis().to_string().into(),
            place.to_string().into(),
            AddressHash::of(to).to_string().into(),
            message_id.unwrap_or_default().into(),
        ];
        let call = ScriptCall { script: &NOTE_SENT, keys: vec![self.keys.delivery(job)], args };
        self.upstash.run(Patience::SETTLE, &call).await.map(drop)
    }
}
