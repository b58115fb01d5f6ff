//! `recover`: dead letters of a retryable kind come back by themselves.
//!
//! A dead letter has one timer: its next recovery, or its end. When that runs out a claim names the id, and whoever claimed brings it
//! back here, by the same compare-and-set as an operator's redrive; so of both one wins, and who is killed in between leaves it
//! to the next claim. A type whose recovered jobs keep dying with no completion between stops recovering.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Change, ChangeError, Changed, DeadLetter};
use crate::domain::id::JobId;
use crate::domain::job::JobType;
use crate::domain::limits::{KEEP_DEAD, MAX_RECOVERED_DEATHS, MAX_STEP_BYTES, MAX_STEP_LETTERS};
use crate::domain::millis::Millis;
use crate::domain::recovery;
use crate::queue::Queue;
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(in crate::queue) static POSTPONE: Script = upstash_script!("postpone", "../../upstash/prelude.lua", "postpone.lua");

/// How long a dead letter waits that may not come back just now. Chosen: an operator who switches recovery on, or the first
/// completion after an outage, is noticed within the hour, and ten thousand dead letters cost a few calls in it.
const HELD_BACK_FOR: Duration = Duration::from_hours(1);

/// What became of dead letters whose time to come back had come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// How many are ready again, by type.
    pub back: BTreeMap<JobType, usize>,
    /// How many of a type wait, because too many of its recovered jobs died again.
    pub stopped: BTreeMap<JobType, usize>,
}

impl Queue {
    /// Brings back the dead letters that a claim at `now` named, each with fresh attempts, unless recovery is switched off or has
    /// stopped for their type.
    pub async fn recover(&self, ids: &[JobId], now: Millis) -> Result<Recovered, ChangeError> {
        let mut recovered = Recovered::default();
        if ids.is_empty() {
            return Ok(recovered);
        }
        let control = self.control().await?;
        let mut held_back = Vec::new();
        for ids in ids.chunks(MAX_STEP_LETTERS) {
            let mut ready = Vec::new();
            for letter in self.dead_letters_of(ids).await?.into_iter().flatten() {
                let job_type = letter.document.job_type;
                let stopped = control.died_again.get(&job_type).is_some_and(|died| *died >= MAX_RECOVERED_DEATHS);
                if stopped {
                    *recovered.stopped.entry(job_type).or_default() += 1;
                }
                if stopped || !control.rules.recovers(job_type) {
                    held_back.push(letter.document.id);
                } else if recovery::wait(letter.document.recoveries, &letter.document.id).is_some() {
                    ready.push(letter);
                }
            }
            self.bring_back_ready(ready, now, &mut recovered).await?;
        }
        self.postpone(&held_back, now.plus(HELD_BACK_FOR)).await?;
        Ok(recovered)
    }

    async fn bring_back_ready(
        &self,
        mut ready: Vec<DeadLetter>,
        now: Millis,
        recovered: &mut Recovered,
    ) -> Result<(), ChangeError> {
        while !ready.is_empty() {
            let mut bytes = 0;
            let fits = |letter: &&DeadLetter| {
                bytes += letter.stored.len();
                bytes <= MAX_STEP_BYTES
            };
            // One that is larger than a step goes alone.
            let fitting = ready.iter().take_while(fits).count().max(1);
            let step: Vec<DeadLetter> = ready.drain(..fitting).collect();
            let alive = |document: crate::domain::job::JobDocument| document.recovered(now);
            let changed = self.bring_back(&step, &Change::default(), "recovered", alive).await?;
            for (letter, _) in step.iter().zip(changed).filter(|(_, changed)| *changed == Changed::Done) {
                *recovered.back.entry(letter.document.job_type).or_default() += 1;
            }
        }
        Ok(())
    }

    async fn postpone(&self, ids: &[JobId], at: Millis) -> Result<(), UpstashError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut args = vec![at.to_string().into(), KEEP_DEAD.as_millis().to_string().into()];
        args.extend(ids.iter().map(|id| id.as_str().into()));
        let keys = vec![self.keys.timers(), self.keys.dead_letters()];
        self.upstash.run(Patience::REQUEST, &ScriptCall { script: &POSTPONE, keys, args }).await.map(drop)
    }
}
