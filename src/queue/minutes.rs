//! `minutes`: what happened lately, slot by slot.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Queue, stats};
use crate::domain::histogram::BOUNDS_MS;
use crate::domain::job::JobType;
use crate::domain::millis::Millis;
use crate::upstash::{Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static MINUTES: Script = upstash_script!("minutes", "../upstash/prelude.lua", "fold.lua", "minutes.lua");

/// Buckets of a histogram: one a bound, and one for what is longer.
const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// How far back is looked, in slots of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Slots, 1 to 100.
    pub slots: u32,
    /// The length of each, in minutes.
    pub slot_minutes: u32,
}

/// How often what happened to jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Jobs done.
    pub completed: u64,
    /// Attempts that failed and were followed by another.
    pub retried: u64,
    /// Jobs that became dead letters.
    pub dead: u64,
}

/// What happened in one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// To jobs of all types.
    pub events: Events,
    /// How long jobs had waited when they were claimed, by bucket.
    pub waited: [u64; BUCKETS],
    /// How long handlers ran, by bucket.
    pub ran: [u64; BUCKETS],
}

/// What happened lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minutes {
    /// Redis' time when it was read.
    pub now: Millis,
    /// How far back it goes.
    pub span: Span,
    /// The slots, oldest first; the last one is under way.
    pub slots: Vec<Slot>,
    /// What happened to each type in all slots; types to which nothing did are left out.
    pub types: BTreeMap<JobType, Events>,
}

impl Queue {
    /// Makes the script call.
    pub(super) fn minutes_call(&self, span: Span) -> ScriptCall<'static> {
        let keys = vec![self.keys.pending_measures(), self.keys.measures()];
        let args = vec![
            self.clock.script_arg().into(),
            self.keys.prefix().to_owned().into(),
            span.slots.to_string().into(),
            span.slot_minutes.to_string().into(),
        ];
        ScriptCall { script: &MINUTES, keys, args }
    }
}

impl Minutes {
    /// Returns when a slot begins.
    pub fn begins(&self, slot: usize) -> Millis {
        let length = i64::from(self.span.slot_minutes) * 60_000;
        let ahead = self.slots.len().saturating_sub(slot + 1);
        Millis((self.now.0.div_euclid(length) - i64::try_from(ahead).unwrap_or(0)) * length)
    }

    /// Returns how long all slots are together.
    pub fn length(&self) -> Duration {
        Duration::from_mins(u64::from(self.span.slots) * u64::from(self.span.slot_minutes))
    }
}

impl Events {
    fn add(&mut self, event: &str, times: u64) {
        match event {
            "completed" => self.completed += times,
            "retried" => self.retried += times,
            "dead" => self.dead += times,
            _ => {}
        }
    }
}

impl Slot {
    fn add(&mut self, name: &str, times: u64) {
        let (buckets, bucket) = match name.split_once(':') {
            Some(("w", bucket)) => (&mut self.waited, bucket),
            Some(("d", bucket)) => (&mut self.ran, bucket),
            _ => return self.events.add(name, times),
        };
        if let Some(count) = bucket.parse().ok().and_then(|bucket: usize| buckets.get_mut(bucket)) {
            *count += times;
        }
    }
}

/// Reads what the script answered.
pub(super) fn read(reply: Reply, span: Span) -> Result<Minutes, UpstashError> {
    let mut reply = reply.array()?.into_iter();
    let mut next = || reply.next().ok_or_else(|| UpstashError::Unknown("minutes: the answer ends too soon".into()));
    let now = Millis(next()?.integer()?);
    let mut slots = vec![Slot::default(); usize::try_from(span.slots).unwrap_or(0)];
    let mut sums = next()?.array()?.into_iter();
    while let (Some(slot), Some(name), Some(sum)) = (sums.next(), sums.next(), sums.next()) {
        let slot = usize::try_from(slot.integer()?).ok().and_then(|slot| slots.get_mut(slot));
        if let Some(slot) = slot {
            slot.add(&name.text()?, u64::try_from(sum.integer()?).unwrap_or(0));
        }
    }
    let mut types: BTreeMap<JobType, Events> = BTreeMap::new();
    for (field, times) in stats::fields(next()?)? {
        if let Some((Ok(job_type), event)) = field.split_once(':').map(|(name, event)| (name.parse(), event)) {
            types.entry(job_type).or_default().add(event, times);
        }
    }
    Ok(Minutes { now, span, slots, types })
}
