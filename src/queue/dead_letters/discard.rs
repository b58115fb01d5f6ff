//! `discard`: throw dead letters away.

use std::borrow::Cow;

use super::DeadLetter;
use super::change::{self, Change, ChangeError, Changed};
use crate::domain::job::JobType;
use crate::domain::limits::KEEP_COMPLETED;
use crate::queue::Queue;
use crate::upstash::{Patience, Script, ScriptCall};
use crate::upstash_script;

pub(in crate::queue) static DISCARD: Script = upstash_script!("discard", "check.lua", "../record.lua", "discard.lua");

impl Queue {
    /// Throws dead letters away, at most a hundred. Their dedupe keys are free again; they can be read, as cancelled, for a day.
    pub async fn discard(&self, letters: &[DeadLetter], change: &Change) -> Result<Vec<Changed>, ChangeError> {
        if letters.is_empty() {
            return Ok(Vec::new());
        }
        change::check_size(letters)?;
        let now = self.clock.now();
        let timers = self.keys.timers();
        let record = Change::record_id(change.record.as_ref());
        let mut keys = vec![
            timers.clone(),
            self.keys.attempts(),
            self.keys.dead_letters(),
            self.keys.counters(),
            self.keys.queue(JobType::AuditLogCreated),
            record.map_or(timers, |id| self.keys.job(id)),
        ];
        keys.extend(letters.iter().map(|letter| self.keys.job(&letter.document.id)));
        keys.extend(letters.iter().map(|letter| {
            let document = &letter.document;
            let dedupe = document.dedupe_key.as_ref().map(|key| self.keys.dedupe(document.job_type, key));
            dedupe.unwrap_or_else(|| self.keys.job(&document.id))
        }));
        let (record_id, record_document) = Change::record_args(change.record.as_ref());
        let keep_ms = KEEP_COMPLETED.as_millis().to_string();
        let mut args: Vec<Cow<'_, str>> =
            vec![change.whole_arg().into(), keep_ms.into(), record_id.into(), record_document.into()];
        for letter in letters {
            args.push(letter.document.id.as_str().into());
            args.push(letter.document.job_type.as_str().into());
            args.push(letter.stored.as_str().into());
            args.push(letter.document.clone().discarded(now).to_json().into());
        }
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &DISCARD, keys, args }).await?;
        Ok(change::read(reply, "discarded", letters.len())?)
    }
}
