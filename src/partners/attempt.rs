//! `note_attempt`, `note_told` and `attempts`: how deliveries to an endpoint went.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Partners;
use crate::domain::endpoint::{FAILING_FOR, FAILING_GAP};
use crate::domain::id::{EndpointId, JobId};
use crate::domain::millis::Millis;
use crate::upstash::{Patience, Reply, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static NOTE_ATTEMPT: Script = upstash_script!("note_attempt", "attempt.lua");
pub(super) static NOTE_TOLD: Script = upstash_script!("note_told", "told.lua");
pub(super) static ATTEMPTS: Script = upstash_script!("attempts", "attempts.lua");

/// Attempts that are kept of an endpoint. Chosen: with answers of 1 KiB each 75 KiB an endpoint.
const KEEP_ATTEMPTS: u32 = 50;

/// One delivery, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it began.
    pub at: Millis,
    /// The job.
    pub job_id: JobId,
    /// Which of its attempts.
    pub attempt: u32,
    /// The webhook's id, which every repeat has.
    pub webhook_id: String,
    /// What was told.
    pub event: String,
    /// What the server answered; nothing where it did not.
    pub status: Option<u16>,
    /// How long it took, in ms.
    pub ms: u64,
    /// The beginning of its answer.
    pub answer: String,
    /// Why it is no delivery.
    pub error: Option<String>,
}

/// How a delivery went, for the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// It arrived.
    Delivered,
    /// It did not.
    Failed,
    /// The server says that nobody lives there any more: 410.
    Gone,
}

/// An endpoint that was disabled by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// When.
    pub at: Millis,
}

impl Partners {
    /// Notes how a delivery went. Tells whether the endpoint is disabled now; without an endpoint, the deployment's own is meant, which
    /// never is.
    pub async fn note_attempt(
        &self,
        endpoint: Option<&EndpointId>,
        attempt: &Attempt,
        went: Went,
    ) -> Result<Option<Disabled>, UpstashError> {
        let name = endpoint.map_or(super::DEFAULT_ENDPOINT, EndpointId::as_str);
        let word = match went {
            _ if endpoint.is_none() => "",
            Went::Delivered => "delivered",
            Went::Failed => "failed",
            Went::Gone => "gone",
        };
        let args = vec![
            self.clock.now().to_string().into(),
            serde_json::to_string(attempt).unwrap_or_default().into(),
            KEEP_ATTEMPTS.to_string().into(),
            word.into(),
            FAILING_FOR.as_millis().to_string().into(),
            FAILING_GAP.as_millis().to_string().into(),
        ];
        let keys = vec![self.keys.endpoint_attempts(name), self.keys.endpoint(name)];
        let call = ScriptCall { script: &NOTE_ATTEMPT, keys, args };
        let mut reply = self.upstash.run(Patience::SETTLE, &call).await?.array()?.into_iter().map(Reply::text);
        let mut next = || reply.next().transpose().map(Option::unwrap_or_default);
        let (word, at) = (next()?, next()?);
        Ok(at.parse().ok().map(|at| Disabled { at: Millis(at) }).filter(|_| word == "disabled"))
    }

    /// Notes that a partner was told that its endpoint was disabled.
    pub async fn note_told(&self, endpoint: &EndpointId) -> Result<(), UpstashError> {
        let keys = vec![self.keys.endpoint(endpoint.as_str())];
        self.upstash.run(Patience::SETTLE, &ScriptCall { script: &NOTE_TOLD, keys, args: Vec::new() }).await.map(drop)
    }

    /// Returns the attempts at an endpoint, the newest first, as they are kept. Without one, the deployment's own is meant.
    pub async fn attempts(&self, endpoint: Option<&EndpointId>) -> Result<Vec<Box<RawValue>>, UpstashError> {
        let name = endpoint.map_or(super::DEFAULT_ENDPOINT, EndpointId::as_str);
        Ok(self.look(name, None).await?.1)
    }

    /// Returns the endpoints and jobs into which a job was split, and the attempts at an endpoint that are its own.
    pub async fn of_job(
        &self,
        job: &JobId,
        endpoint: Option<&EndpointId>,
    ) -> Result<(Vec<(String, String)>, Vec<Box<RawValue>>), UpstashError> {
        let name = endpoint.map_or(super::DEFAULT_ENDPOINT, EndpointId::as_str);
        let (children, attempts) = self.look(name, Some(self.keys.fan_out(job))).await?;
        let is_own = |attempt: &RawValue| {
            serde_json::from_str::<Attempt>(attempt.get()).is_ok_and(|attempt| attempt.job_id == *job)
        };
        let split = |line: &str| line.split_once(' ').map(|(endpoint, job)| (endpoint.to_owned(), job.to_owned()));
        Ok((
            children.lines().filter_map(split).collect(),
            attempts.into_iter().filter(|attempt| is_own(attempt)).collect(),
        ))
    }

    async fn look(
        &self,
        endpoint: &str,
        children: Option<String>,
    ) -> Result<(String, Vec<Box<RawValue>>), UpstashError> {
        let keys = [self.keys.endpoint_attempts(endpoint)].into_iter().chain(children).collect();
        let call = ScriptCall { script: &ATTEMPTS, keys, args: Vec::new() };
        let mut reply = self.upstash.run(Patience::REQUEST, &call).await?.array()?.into_iter().map(Reply::text);
        let children = reply.next().transpose()?.unwrap_or_default();
        let attempts = reply.map(|text| Ok(RawValue::from_string(text?).ok()));
        let attempts: Vec<Option<Box<RawValue>>> = attempts.collect::<Result<_, UpstashError>>()?;
        Ok((children, attempts.into_iter().flatten().collect()))
    }
}
