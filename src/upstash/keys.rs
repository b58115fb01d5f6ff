//! Every key's name, with its type in Redis. Nothing else writes a key's name.

use std::sync::Arc;

use crate::domain::id::{ClaimId, DedupeKey, EscrowId, JobId, PartnerId};
use crate::domain::job::JobType;

/// The names of all keys, behind the deployment's prefix.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    /// Makes the names behind `prefix`; an empty one gives the seed's names.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// Returns the prefix, for scripts that make a key's name from an id they read.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// string: a job's document.
    pub fn job(&self, id: &JobId) -> String {
        format!("{}job:{id}", self.prefix)
    }

    /// list: ids of the jobs of a type that are ready, first in first out.
    pub fn queue(&self, job_type: JobType) -> String {
        format!("{}queue:{job_type}", self.prefix)
    }

    /// sorted set: `{type}/{id}` by the ms when it is due or its lease lapses; `dead_letter/{id}` by when it comes back or ends.
    pub fn timers(&self) -> String {
        format!("{}queue:timers", self.prefix)
    }

    /// hash: job id to attempts begun, followed by the claim's id while one holds the lease.
    pub fn attempts(&self) -> String {
        format!("{}queue:attempts", self.prefix)
    }

    /// hash: type to leases held.
    pub fn in_flight(&self) -> String {
        format!("{}queue:in_flight", self.prefix)
    }

    /// sorted set: job id by time of death, ms.
    pub fn dead_letters(&self) -> String {
        format!("{}queue:dead_letter", self.prefix)
    }

    /// hash: what operators set: `pause:{type}`, `rate:{type}`, `concurrency:{type}`, `recovery:{type}`; `*` is every type.
    pub fn control(&self) -> String {
        format!("{}queue:control", self.prefix)
    }

    /// hash: type to how many of its recovered jobs died again in a row.
    pub fn recovery(&self) -> String {
        format!("{}queue:recovery", self.prefix)
    }

    /// hash: alert to its state.
    pub fn alerts(&self) -> String {
        format!("{}queue:alerts", self.prefix)
    }

    /// string: `{type}/{id} {ms}` for each job of another producer's at the head of its queue that does not tell its age: when it was first
    /// seen there.
    pub fn heads(&self) -> String {
        format!("{}queue:heads", self.prefix)
    }

    /// list: when how many jobs of a type were claimed, `<ms> <jobs>`, for its rate.
    pub fn queue_rate(&self, job_type: JobType) -> String {
        format!("{}queue:rate:{job_type}", self.prefix)
    }

    /// string: what a claim took, until its leases end.
    pub fn claim(&self, id: &ClaimId) -> String {
        format!("{}claim:{id}", self.prefix)
    }

    /// string: the id of the job that holds a dedupe key.
    pub fn dedupe(&self, job_type: JobType, key: &DedupeKey) -> String {
        format!("{}dedupe:{job_type}:{key}", self.prefix)
    }

    /// hash: `{type}:{event}` to how often it happened.
    pub fn counters(&self) -> String {
        format!("{}stats:counters", self.prefix)
    }

    /// hash: an escrow's version, state and document.
    pub fn escrow(&self, id: &EscrowId) -> String {
        format!("{}escrow:{id}", self.prefix)
    }

    /// hash: what is known of a request: fingerprint, escrow, when it began, status and body of its answer.
    pub fn idempotency(&self, caller: &str, key: &str) -> String {
        format!("{}idempotency:{caller}:{key}", self.prefix)
    }

    /// sorted set: digest of every API key by when it was created, ms.
    pub fn api_keys(&self) -> String {
        format!("{}apikeys", self.prefix)
    }

    /// hash: what an API key may do: role, partner, limit; and how it begins and when it was created.
    pub fn api_key(&self, sha256: &str) -> String {
        format!("{}apikey:{sha256}", self.prefix)
    }

    /// string: when an API key's window began, and how many calls it has had.
    pub fn api_key_rate(&self, sha256: &str) -> String {
        format!("{}apikey_rate:{sha256}", self.prefix)
    }

    /// string: there once an event of Stripe's was taken in.
    pub fn stripe_event(&self, id: &str) -> String {
        format!("{}stripe_event:{id}", self.prefix)
    }

    /// string: when a processor last noted that it ran, ms.
    pub fn last_run(&self) -> String {
        format!("{}stats:last_run", self.prefix)
    }

    /// string: there for a moment while somebody tries whether Redis can be written to.
    pub fn probe(&self) -> String {
        format!("{}stats:probe", self.prefix)
    }

    /// list: what batches measured and is not in the sums yet.
    pub fn pending_measures(&self) -> String {
        format!("{}stats:pending", self.prefix)
    }

    /// hash: field to the sum of what was measured.
    pub fn measures(&self) -> String {
        format!("{}stats:measures", self.prefix)
    }

    /// hash: what is known of a job's mails: `{recipient}:{event}` to when.
    pub fn delivery(&self, id: &JobId) -> String {
        format!("{}delivery:{id}", self.prefix)
    }

    /// hash: a partner's endpoints, id to document; `email` to where it is told of them.
    pub fn partner(&self, id: &PartnerId) -> String {
        format!("{}partner:{id}", self.prefix)
    }

    /// hash: how an endpoint does: `failing_since`, `failed_at`, `disabled`, `disabled_at`, `notice`.
    pub fn endpoint(&self, id: &str) -> String {
        format!("{}endpoint:{id}", self.prefix)
    }

    /// list: an endpoint's attempts, the newest first.
    pub fn endpoint_attempts(&self, id: &str) -> String {
        format!("{}endpoint:{id}:attempts", self.prefix)
    }

    /// string: the jobs that a webhook's job was split into, one an endpoint.
    pub fn fan_out(&self, id: &JobId) -> String {
        format!("{}fan_out:{id}", self.prefix)
    }

    /// string: there once an event about a mail was taken in.
    pub fn mail_event(&self, name: &str) -> String {
        format!("{}mail_event:{name}", self.prefix)
    }

    /// sorted set: hash of an address by the ms until when it is not written to.
    pub fn suppressed(&self) -> String {
        format!("{}mail:suppressed", self.prefix)
    }

    /// stream: audit records, each with its hash.
    pub fn audit(&self) -> String {
        format!("{}audit", self.prefix)
    }

    /// string: hash of the newest audit record.
    pub fn audit_head(&self) -> String {
        format!("{}audit:head", self.prefix)
    }

    /// string: the stream id of the record a job wrote.
    pub fn audit_job(&self, id: &JobId) -> String {
        format!("{}audit:job:{id}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_prefix_the_names_are_the_seeds() {
        let keys = Keys::new("");
        let id = JobId::parse("job-1-a").unwrap();
        assert_eq!(keys.job(&id), "job:job-1-a");
        assert_eq!(keys.queue(JobType::SendReleaseEmail), "queue:send_release_email");
        assert_eq!(keys.dead_letters(), "queue:dead_letter");
        let dedupe = DedupeKey::parse("escrow-esc-123-release").unwrap();
        assert_eq!(keys.dedupe(JobType::SendReleaseEmail, &dedupe), "dedupe:send_release_email:escrow-esc-123-release");
        assert_eq!(Keys::new("shop:").timers(), "shop:queue:timers");
    }
}
