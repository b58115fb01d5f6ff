//! Control: what operators decide while it runs. It is held in Redis, read by each claim that finds something, and on record.

mod delayed;
mod max_attempts;

pub use delayed::{DelayedJob, DelayedPage, DelayedPlace};
pub use max_attempts::MaxAttemptsSet;

pub(super) use delayed::DELAYED;
pub(super) use max_attempts::MAX_ATTEMPTS;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Change, ChangeError, Queue, Recorder};
use crate::domain::audit_event::{AuditedChange, Subject};
use crate::domain::control::{Rule, Rules};
use crate::domain::job::JobType;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static CONTROL: Script = upstash_script!("control", "../record.lua", "set.lua");
pub(super) static READ_CONTROL: Script = upstash_script!("read_control", "read.lua");

/// Times control is read again when it changed in between. Chosen: two operators at once are rare, eight in a row a fault.
const MAX_READS: u32 = 8;

/// What operators have set, and how recovery is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlView {
    /// What is set.
    pub rules: Rules,
    /// How many recovered jobs of a type died again in a row; types without are left out.
    pub died_again: BTreeMap<JobType, u64>,
}

impl Queue {
    /// Sets rules, all of them in one step, on record. They hold from the next claim on.
    pub async fn set_rules(&self, rules: &[Rule], recorder: &Recorder) -> Result<(), ChangeError> {
        let fields: Vec<(String, String)> = rules.iter().map(|rule| rule.field()).collect();
        self.set_fields(Hash::Rules, &fields, ("control_changed", Subject::the("control")), recorder).await
    }

    /// Lets the dead letters of a type come back by themselves again after too many of them died again.
    pub async fn reset_recovery(&self, job_type: JobType, recorder: &Recorder) -> Result<(), ChangeError> {
        let fields = [(job_type.to_string(), String::new())];
        let what = ("recovery_reset", Subject::of("control", &job_type));
        self.set_fields(Hash::DiedAgain, &fields, what, recorder).await
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
        hash: Hash,
        fields: &[(String, String)],
        (action, subject): (&str, Subject),
        recorder: &Recorder,
    ) -> Result<(), ChangeError> {
        let after: Value = fields.iter().map(|(field, value)| (field.clone(), or_null(value))).collect();
        for _ in 0..MAX_READS {
            let (rules, died_again) = raw(self.upstash.run(Patience::REQUEST, &self.control_call()).await?)?;
            let (key, known) = match hash {
                Hash::Rules => (self.keys.control(), rules),
                Hash::DiedAgain => (self.keys.recovery(), died_again),
            };
            let known: BTreeMap<String, String> = known.into_iter().collect();
            let was = |field: &str| known.get(field).map_or("", String::as_str);
            let before = fields.iter().map(|(field, _)| (field.clone(), or_null(was(field)))).collect();
            let change = AuditedChange::new(action, subject.clone(), before, after.clone());
            let record = recorder.record(change).map_err(ChangeError::Record)?;
            let record_job = self.keys.job(&record.document.id);
            let keys = vec![key, self.keys.counters(), self.keys.queue(JobType::AuditLogCreated), record_job];
            let (record_id, record_document) = Change::record_args(Some(&record));
            let mut args = vec![record_id.into(), record_document.into()];
            for (field, value) in fields {
                args.extend([field.clone().into(), was(field).to_owned().into(), value.clone().into()]);
            }
            let reply = self.upstash.run(Patience::REQUEST, &ScriptCall { script: &CONTROL, keys, args }).await?;
            if reply.text()? == "set" {
                return Ok(());
            }
        }
        Err(UpstashError::Unknown("control changed faster than it could be written".into()).into())
    }
}

/// Which of the two hashes of control.
#[derive(Clone, Copy)]
enum Hash {
    Rules,
    DiedAgain,
}

fn or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// Reads what the script answered.
pub(super) fn read(reply: Reply) -> Result<ControlView, UpstashError> {
    let (rules, died_again) = raw(reply)?;
    let died_again = died_again.into_iter();
    Ok(ControlView {
        rules: Rules::of_fields(rules),
        died_again: died_again.filter_map(|(name, count)| Some((name.parse().ok()?, count.parse().ok()?))).collect(),
    })
}

type Fields = Vec<(String, String)>;

fn raw(reply: Reply) -> Result<(Fields, Fields), UpstashError> {
    let mut reply = reply.array()?.into_iter();
    let (Some(rules), Some(died_again)) = (reply.next(), reply.next()) else {
        return Err(UpstashError::Unknown("read_control: the answer ends too soon".into()));
    };
    Ok((texts(rules)?, texts(died_again)?))
}

fn texts(reply: Reply) -> Result<Vec<(String, String)>, UpstashError> {
    let mut reply = reply.array()?.into_iter();
    let mut pairs = Vec::new();
    while let (Some(field), Some(value)) = (reply.next(), reply.next()) {
        pairs.push((field.text()?, value.text()?));
    }
    Ok(pairs)
}
