//! `stats`: how much of everything there is.

use std::collections::BTreeMap;

use super::Queue;
use crate::domain::job::JobType;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static STATS: Script = upstash_script!("stats", "stats.lua");

/// How much of everything there is, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Jobs ready to be claimed, by type.
    pub ready: BTreeMap<JobType, u64>,
    /// Jobs held under a lease, by type; types with none are left out.
    pub in_flight: BTreeMap<JobType, u64>,
    /// Jobs that wait for their time: delayed, or for the next attempt.
    pub waiting: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// How often what happened since the database is used, as `{type}:{event}`.
    pub counters: BTreeMap<String, u64>,
}

impl Queue {
    /// Returns how much of everything there is.
    pub async fn stats(&self) -> Result<QueueStats, UpstashError> {
        read(self.upstash.run(Patience::REQUEST, &self.stats_call()).await?)
    }

    /// Makes the script call.
    pub(super) fn stats_call(&self) -> ScriptCall<'static> {
        let mut keys = vec![self.keys.timers(), self.keys.in_flight(), self.keys.dead_letters(), self.keys.counters()];
        keys.extend(self.queues(&JobType::ALL));
        ScriptCall { script: &STATS, keys, args: Vec::new() }
    }
}

/// Reads what the script answered.
pub(super) fn read(reply: Reply) -> Result<QueueStats, UpstashError> {
    let mut reply = reply.array()?.into_iter();
    let mut next = || reply.next().ok_or_else(|| UpstashError::Unknown("stats: the answer ends too soon".into()));
    let dead_letters = number(next()?)?;
    let timers = number(next()?)?;
    let held = fields(next()?)?;
    let counters = fields(next()?)?;
    let mut ready = BTreeMap::new();
    for job_type in JobType::ALL {
        ready.insert(job_type, number(next()?)?);
    }
    let held = held.into_iter().filter_map(|(name, count)| Some((name.parse().ok()?, count)));
    let in_flight: BTreeMap<JobType, u64> = held.filter(|(_, count)| *count > 0).collect();
    // Each dead letter and each lease has one timer; what is left waits.
    let waiting = timers.saturating_sub(dead_letters).saturating_sub(in_flight.values().sum());
    Ok(QueueStats { ready, in_flight, waiting, dead_letters, counters })
}

fn number(reply: Reply) -> Result<u64, UpstashError> {
    Ok(u64::try_from(reply.integer()?).unwrap_or(0))
}

pub(super) fn fields(reply: Reply) -> Result<BTreeMap<String, u64>, UpstashError> {
    let mut fields = BTreeMap::new();
    let mut reply = reply.array()?.into_iter();
    while let (Some(field), Some(value)) = (reply.next(), reply.next()) {
        fields.insert(field.text()?, number(value)?);
    }
    Ok(fields)
}
