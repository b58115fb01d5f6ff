//! `probe`: how the store is, for whoever looks after a deployment.

use super::Queue;
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static PROBE: Script = upstash_script!("probe", "../upstash/prelude.lua", "probe.lua");

/// How the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Redis' time.
    pub now: Millis,
    /// Whether what was written could be read.
    pub keeps: bool,
    /// What Redis does when its memory is full, where it tells: `noeviction` refuses writes, everything else loses jobs.
    pub policy: Option<String>,
    /// When a processor was last seen: it notes itself every five minutes, and each batch that did something is measured.
    pub last_run: Option<Millis>,
}

impl Queue {
    /// Writes, reads and removes a key of its own, and looks at how the store is.
    pub async fn probe(&self) -> Result<Probe, UpstashError> {
        let keys = vec![self.keys.probe(), self.keys.last_run(), self.keys.pending_measures()];
        let args = vec![self.clock.script_arg().into(), self.clock.now().to_string().into()];
        let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &PROBE, keys, args }).await?;
        let mut reply = reply.array()?.into_iter();
        let mut next = || reply.next().unwrap_or(Reply::Null);
        let (now, keeps) = (Millis(next().integer()?), next().text()? == "written");
        let policy = policy_of(&next().text()?);
        let noted = next().optional_text()?.and_then(|ms| ms.parse().ok()).map(Millis);
        let batch = next().optional_text()?.and_then(|minute| minute.parse::<i64>().ok());
        let batch = batch.map(|minute| Millis(minute.saturating_mul(60_000)));
        Ok(Probe { now, keeps, policy, last_run: noted.max(batch) })
    }
}

fn policy_of(memory: &str) -> Option<String> {
    memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(|policy| policy.trim().to_owned())
}
