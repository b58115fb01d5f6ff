//! Alerts: too many dead letters, or a job that has been due for too long; told once when it begins and once when it is over.
//!
//! The state of each is in Redis and is turned by compare-and-set, so of several processors one tells. Telling is not the queue's part.

use super::{Queue, oldest_due};
use crate::domain::alert::{Alert, Limits, Seen};
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static LOOK: Script = upstash_script!("look", "../../upstash/prelude.lua", "look.lua");
pub(super) static TURN_ALERT: Script = upstash_script!("turn_alert", "turn.lua");

/// An alert that is to be opened or resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which.
    pub alert: Alert,
    /// Whether it opens; else it is resolved.
    pub opens: bool,
    /// What was seen.
    pub seen: Seen,
    /// Its state as stored.
    read: String,
}

impl Queue {
    /// Looks at what decides on alerts, in one request, and returns those whose state is no longer right. It notes that a processor ran.
    pub async fn due_alerts(&self, limits: &Limits) -> Result<Vec<Turn>, UpstashError> {
        let keys = vec![self.keys.dead_letters(), self.keys.alerts(), self.keys.last_run()];
        let look = ScriptCall { script: &LOOK, keys, args: vec![self.clock.script_arg().into()] };
        let calls = [look, self.oldest_due_call()];
        let mut replies = self.upstash.run_all(Patience::REQUEST, |_| calls.to_vec()).await?.into_iter();
        let (Some(alerts), Some(oldest)) = (replies.next(), replies.next()) else {
            return Err(UpstashError::Unknown("look: no answer".into()));
        };
        let mut alerts = alerts.array()?.into_iter();
        let dead_letters = alerts.next().map(crate::upstash::Reply::integer).transpose()?.unwrap_or(0);
        let seen = Seen {
            dead_letters: u64::try_from(dead_letters).unwrap_or(0),
            oldest_due: oldest_due::read(oldest)?.age.unwrap_or_default(),
        };
        let mut turns = Vec::new();
        for (alert, state) in Alert::ALL.into_iter().zip(alerts) {
            let read = state.optional_text()?.unwrap_or_default();
            let opens = limits.passed(alert, &seen);
            if opens != read.starts_with("open ") {
                turns.push(Turn { alert, opens, seen, read });
            }
        }
        Ok(turns)
    }

    /// Turns an alert, in the name of `who`, which was never used before. Tells whether it was this call that did it.
    pub async fn turn_alert(&self, turn: &Turn, who: &str) -> Result<bool, UpstashError> {
        self.set_alert(turn.alert, &turn.read, &turn.state(who)).await
    }

    /// Takes back a turn that could not be told, so that the next processor tells it.
    pub async fn take_back_alert(&self, turn: &Turn, who: &str) -> Result<(), UpstashError> {
        let before = if turn.read.is_empty() { format!("resolved {who}") } else { turn.read.clone() };
        self.set_alert(turn.alert, &turn.state(who), &before).await.map(drop)
    }

    async fn set_alert(&self, alert: Alert, read: &str, state: &str) -> Result<bool, UpstashError> {
        let args = vec![alert.as_str().into(), read.into(), state.into()];
        let call = ScriptCall { script: &TURN_ALERT, keys: vec![self.keys.alerts()], args };
        Ok(self.upstash.run(Patience::REQUEST, &call).await?.text()? == "turned")
    }
}

impl Turn {
    fn state(&self, who: &str) -> String {
        format!("{} {who}", if self.opens { "open" } else { "resolved" })
    }
}
