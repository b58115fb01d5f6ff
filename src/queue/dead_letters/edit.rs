//! `edit`: give a dead letter another payload.

use serde_json::value::RawValue;

use super::DeadLetter;
use super::change::{self, Change, Changed};
use crate::domain::job::{JobType, NewJob, NewJobError};
use crate::queue::Queue;
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(in crate::queue) static EDIT: Script = upstash_script!("edit", "check.lua", "../record.lua", "edit.lua");

/// A dead letter that was not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The payload is not what the type takes.
    #[error(transparent)]
    Payload(#[from] NewJobError),
    /// Redis did not take the change.
    #[error(transparent)]
    Upstash(#[from] UpstashError),
}

impl Queue {
    /// Replaces a dead letter's payload. It stays dead until it is redriven.
    ///
    /// # Errors
    /// Where the payload does not parse for the job's type; nothing is changed then.
    pub async fn edit(
        &self,
        letter: &DeadLetter,
        payload: Box<RawValue>,
        record: Option<&NewJob>,
    ) -> Result<Changed, EditError> {
        let document = letter.document.clone().edited(payload, self.clock.now())?.sealed(self.payload_keys());
        let job = self.keys.job(&document.id);
        let keys = vec![
            self.keys.attempts(),
            self.keys.dead_letters(),
            self.keys.counters(),
            self.keys.queue(JobType::AuditLogCreated),
            Change::record_id(record).map_or_else(|| job.clone(), |id| self.keys.job(id)),
            job,
        ];
        let (record_id, record_document) = Change::record_args(record);
        let args = vec![
            document.id.as_str().into(),
            document.job_type.as_str().into(),
            letter.stored.as_str().into(),
            document.to_json().into(),
            record_id.into(),
            record_document.into(),
        ];
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &EDIT, keys, args }).await?;
        Ok(change::read_word(&reply.text()?, "edited")?)
    }
}
