//! Control: what operators decide while it runs. It is held in Redis, read by each claim that finds something, and on record.

mod delayed;
mod max_attempts;

pub use delayed::{DelayedJob, DelayedPage, DelayedPlace};
pub use max_attempts::MaxAttemptsSet;

pub(super) use delayed::DELAYED;
pub(super) use max_attempts::MAX_ATTEMPTS;

use std::collections::BTreeMap;

use super::{Change, Queue, stats};
use crate::domain::control::{Rule, Rules};
use crate::domain::job::{JobType, NewJob};
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static CONTROL: Script = upstash_script!("control", "../record.lua", "set.lua");
pub(super) static READ_CONTROL: Script = upstash_script!("read_control", "read.lua");

/// What operators have set, and how recovery is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlView {
    /// What is set.
    pub rules: Rules,
    /// How many recovered jobs of a type died again in a row; types without are left out.
    pub died_again: BTreeMap<JobType, u64>,
}

impl Queue {
    /// Sets rules, all of them in one step. They hold from the next claim on.
    pub async fn set_rules(&self, rules: &[Rule], record: &NewJob) -> Result<(), UpstashError> {
        self.set_fields(self.keys.control(), rules.iter().map(|rule| rule.field()), record).await
    }

    /// Lets the dead letters of a type come back by themselves again after too many of them died again.
    pub async fn reset_recovery(&self, job_type: JobType, record: &NewJob) -> Result<(), UpstashError> {
        self.set_fields(self.keys.recovery(), [(job_type.to_string(), String::new())], record).await
    }

    /// Returns what is set.
    pub async fn control(&self) -> Result<ControlView, UpstashError> {
        read(self.upstash.run(Patience::REQUEST, &self.control_call()).await?)
    }

    /// Makes the script call.
    pub(super) fn control_call(&self) -> ScriptCall<'static> {
        let keys = vec![self.keys.control(), self.keys.recovery()];
        ScriptCall { script: &READ_CONTROL, keys, args: Vec::new() }
    }

    async fn set_fields(
        &self,
        hash: String,
        fields: impl IntoIterator<Item = (String, String)>,
        record: &NewJob,
    ) -> Result<(), UpstashError> {
        let record_job = self.keys.job(&record.document.id);
        let keys = vec![hash, self.keys.counters(), self.keys.queue(JobType::AuditLogCreated), record_job];
        let (record_id, record_document) = Change::record_args(Some(record));
        let mut args = vec![record_id.into(), record_document.into()];
        args.extend(fields.into_iter().flat_map(|(field, value)| [field.into(), value.into()]));
        self.upstash.run(Patience::REQUEST, &ScriptCall { script: &CONTROL, keys, args }).await.map(drop)
    }
}

/// Reads what the script answered.
pub(super) fn read(reply: Reply) -> Result<ControlView, UpstashError> {
    let mut reply = reply.array()?.into_iter();
    let (Some(rules), Some(died_again)) = (reply.next(), reply.next()) else {
        return Err(UpstashError::Unknown("read_control: the answer ends too soon".into()));
    };
    let died_again = stats::fields(died_again)?.into_iter();
    Ok(ControlView {
        rules: Rules::of_fields(texts(rules)?),
        died_again: died_again.filter_map(|(name, count)| Some((name.parse().ok()?, count))).collect(),
    })
}

fn texts(reply: Reply) -> Result<Vec<(String, String)>, UpstashError> {
    let mut reply = reply.array()?.into_iter();
    let mut pairs = Vec::new();
    while let (Some(field), Some(value)) = (reply.next(), reply.next()) {
        pairs.push((field.text()?, value.text()?));
    }
    Ok(pairs)
}
