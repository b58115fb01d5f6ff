//! `redrive`: bring dead letters back, with fresh attempts.

use std::borrow::Cow;

use super::DeadLetter;
use super::change::{self, Change, ChangeError, Changed};
use crate::domain::job::{JobDocument, JobType};
use crate::queue::{Queue, names};
use crate::upstash::{Patience, Script, ScriptCall};
use crate::upstash_script;

pub(in crate::queue) static REDRIVE: Script = upstash_script!("redrive", "check.lua", "../record.lua", "redrive.lua");

impl Queue {
    /// Brings dead letters back, at most a hundred: each goes to the end of its queue in their order, with fresh attempts and its
    /// history.
    ///
    /// # Guarantees
    /// A job is brought back once, however often the call is repeated and whoever else asks for it.
    pub async fn redrive(&self, letters: &[DeadLetter], change: &Change) -> Result<Vec<Changed>, ChangeError> {
        let now = self.clock.now();
        self.bring_back(letters, change, "redriven", |document| document.redriven(now)).await
    }

    /// Brings dead letters back as the documents that `alive` makes of theirs; counts it as `event`.
    pub(in crate::queue) async fn bring_back(
        &self,
        letters: &[DeadLetter],
        change: &Change,
        event: &'static str,
        alive: impl Fn(JobDocument) -> JobDocument,
    ) -> Result<Vec<Changed>, ChangeError> {
        if letters.is_empty() {
            return Ok(Vec::new());
        }
        change::check_size(letters)?;
        let types = types_of(letters);
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
        keys.extend(self.queues(&types));
        keys.extend(letters.iter().map(|letter| self.keys.job(&letter.document.id)));
        let (record_id, record_document) = Change::record_args(change.record.as_ref());
        let mut args: Vec<Cow<'_, str>> =
            vec![change.whole_arg().into(), event.into(), record_id.into(), record_document.into()];
        args.push(types.len().to_string().into());
        args.extend(names(&types));
        for letter in letters {
            let known = types.iter().position(|known| *known == letter.document.job_type);
            args.push(letter.document.id.as_str().into());
            args.push(known.map_or(0, |index| index + 1).to_string().into());
            args.push(letter.stored.as_str().into());
            args.push(alive(letter.document.clone()).to_json().into());
        }
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &REDRIVE, keys, args }).await?;
        Ok(change::read(reply, "redriven", letters.len())?)
    }
}

fn types_of(letters: &[DeadLetter]) -> Vec<JobType> {
    let used = |job_type: &JobType| letters.iter().any(|letter| letter.document.job_type == *job_type);
    JobType::ALL.into_iter().filter(used).collect()
}
