//! `fan_out`: one job an endpoint.

use std::fmt::Write;
use std::time::Duration;

use serde_json::value::to_raw_value;
use sha2::{Digest, Sha256};

use super::Partners;
use crate::domain::hex::hex;
use crate::domain::id::{EndpointId, JobId};
use crate::domain::job::{EscrowStatusChanged, JobOptions, JobType, NewJob};
use crate::upstash::{Patience, Script, ScriptCall, UpstashError};
use crate::upstash_script;

pub(super) static FAN_OUT: Script =
    upstash_script!("fan_out", "../upstash/prelude.lua", "../queue/store_jobs.lua", "fan_out.lua");

/// How long it is known into which jobs one was split. Chosen: longer than the ten attempts of each take.
const KEEP: Duration = Duration::from_hours(8 * 24);

/// Returns the id of the job that tells one endpoint what the job `parent` is about: the same whenever it is asked for.
pub fn child_id(parent: &JobId, endpoint: &EndpointId) -> Option<JobId> {
    let id = JobId::parse(format!("{parent}.{endpoint}"));
    // Another producer's id may leave no room.
    let digest = || JobId::parse(format!("{}.{endpoint}", hex(Sha256::digest(parent.as_str()))));
    id.or_else(|_| digest()).ok()
}

impl Partners {
    /// Makes a job for each of the endpoints to be told of `change`, in one step; again, it does nothing.
    pub async fn fan_out(
        &self,
        parent: &JobId,
        change: &EscrowStatusChanged,
        endpoints: &[EndpointId],
        traceparent: Option<&str>,
    ) -> Result<(), UpstashError> {
        let now = self.clock.now();
        let mut list = String::new();
        let job = |endpoint: &EndpointId| {
            let id = child_id(parent, endpoint)?;
            let _ = writeln!(list, "{endpoint} {id}");
            let change = EscrowStatusChanged { endpoint: Some(endpoint.clone()), ..change.clone() };
            let options = JobOptions { traceparent: traceparent.map(str::to_owned), ..JobOptions::default() };
            NewJob::new(id, JobType::WebhookEscrowStatusChanged, to_raw_value(&change).ok()?, now, options).ok()
        };
        let jobs: Vec<NewJob> = endpoints.iter().filter_map(job).collect();
        let stored = self.queue.stored_by(&jobs);
        let mut keys = vec![self.keys.fan_out(parent)];
        keys.extend(stored.keys);
        let mut args = vec![self.clock.script_arg().into(), KEEP.as_millis().to_string().into(), list.into()];
        args.extend(stored.args);
        self.upstash.run(Patience::SETTLE, &ScriptCall { script: &FAN_OUT, keys, args }).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_named_after_its_parent_and_endpoint_whatever_the_parents_name() {
        let endpoint = EndpointId::new([1; 16]);
        let child = |parent: &str| child_id(&JobId::parse(parent).unwrap(), &endpoint).unwrap();
        assert_eq!(child("job-1").as_str(), "job-1.ep_1111111111111111");
        let (long, other) = (child(&"x".repeat(200)), child(&"y".repeat(200)));
        assert_ne!(long, other);
        assert_eq!(long.as_str().len(), 64 + 20);
    }
}
