//! What moved an escrow, and what its history tells of the requests and keys that did.

use serde::{Deserialize, Serialize};

use super::amounts::stored_or_none;
use super::{Escrow, Failure, Operation, Pending, State};
use crate::domain::millis::Millis;

/// Most entries of a history, and of the jobs of an escrow. Chosen: a life of ten refunds has 30; older entries are in the audit log.
pub(super) const MAX_ENTRIES: usize = 200;

/// One move, or something learnt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The version it made.
    pub version: u64,
    /// When.
    pub at: Millis,
    /// What moved it.
    pub operation: Operation,
    /// From where; nothing at the beginning.
    pub from: Option<State>,
    /// To where.
    pub to: State,
    /// Who: `partner`, `admin`, `fallback`, `stripe`.
    pub by: String,
    /// The request that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// A digest of what that request asked for, in the entry of an operation's beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Minor units, where it is about some.
    #[serde(default, deserialize_with = "stored_or_none", skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Why, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Escrow {
    /// Makes the entry of the next version.
    pub(super) fn entry(&self, operation: Operation, to: State, by: &str, now: Millis) -> Entry {
        Entry {
            version: self.version + 1,
            at: now,
            operation,
            from: Some(self.state),
            to,
            by: by.to_owned(),
            request: None,
            fingerprint: None,
            amount: None,
            reason: None,
            failure: None,
        }
    }

    /// Makes the next version by `entry`.
    pub(super) fn advance(&mut self, entry: Entry) {
        self.version = entry.version;
        self.state = entry.to;
        self.updated_at = entry.at;
        self.history.push(entry);
        let surplus = self.history.len().saturating_sub(MAX_ENTRIES);
        self.history.drain(..surplus);
    }

    /// Tells whether an operation that captures, or else one that gives back, was begun under `key`. One older than the history may
    /// have been.
    pub fn has_begun(&self, key: &str, captures: bool) -> bool {
        let rest = key.strip_prefix(self.id.as_str()).and_then(|rest| rest.strip_prefix(':'));
        let Some((operation, version)) = rest.and_then(|rest| rest.split_once(':')) else {
            return false;
        };
        let Ok(version) = version.parse::<u64>() else {
            return false;
        };
        // A resolution may do either.
        let never = if captures { Operation::Refund } else { Operation::Release };
        if operation == never.as_str() {
            return false;
        }
        let oldest = self.history.first().map_or(1, |entry| entry.version);
        let begins = |entry: &Entry| {
            entry.version == version && entry.operation.as_str() == operation && entry.to.is_in_between()
        };
        (1..oldest).contains(&version) || self.history.iter().any(begins)
    }

    /// Tells how the operation that `request` began has ended: with which failure, or with none. Nothing where it began none, or it is
    /// still under way.
    pub fn ending_of(&self, request: &str) -> Option<Option<&Failure>> {
        let entry = self.made_by(request)?;
        let under_way = |pending: &Pending| pending.request.as_deref() == Some(request);
        if self.pending.as_ref().is_some_and(under_way) {
            return None;
        }
        if entry.operation == Operation::Create {
            let unfinished = self.state == State::Created && self.payment.intent_id.is_none();
            let unpaid = matches!(self.state, State::Created | State::Cancelled);
            return (!unfinished).then(|| self.last_failure.as_ref().filter(|_| unpaid));
        }
        Some(entry.failure.as_ref())
    }

    /// Tells whether `request` has asked for something else before: with another digest, or, in an entry of before there were
    /// digests and in that of a creation, for another operation.
    pub fn was_asked_otherwise(&self, request: &str, operation: Operation, fingerprint: &str) -> bool {
        let begun = self.history.iter().find(|entry| entry.request.as_deref() == Some(request));
        begun.is_some_and(|entry| match &entry.fingerprint {
            Some(known) => known != fingerprint,
            None => entry.operation != operation,
        })
    }

    /// Returns the newest entry that `request` made.
    pub fn made_by(&self, request: &str) -> Option<&Entry> {
        self.history.iter().rev().find(|entry| entry.request.as_deref() == Some(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::escrow::document::STORED;

    #[test]
    fn a_key_is_of_an_operation_that_was_begun_or_of_a_time_the_history_does_not_reach() {
        let escrow = Escrow::parse(STORED).unwrap();
        let known = |key: &str, captures| escrow.has_begun(key, captures);
        for (key, captures) in [("refund:7", false), ("refund:6", false), ("release:1", true), ("resolve:1", true)] {
            assert!(known(&format!("esc_1:{key}"), captures), "{key}");
        }
        for (key, captures) in [("release:7", true), ("refund:7", true), ("refund:6", true), ("release:1", false)] {
            assert!(!known(&format!("esc_1:{key}"), captures), "{key}");
        }
        for unknown in ["refund:8", "refund:0", "refund:-1", "refund:7:2", "refund", "expire"] {
            assert!(!known(&format!("esc_1:{unknown}"), false), "{unknown}");
        }
        assert!(!known("esc_10:refund:7", false) && !known("refund:7", false));
    }

    #[test]
    fn a_request_is_known_by_its_digest_or_in_an_old_document_by_its_operation() {
        let with = |more: &str| {
            let text = STORED
                .replace(r#""by":"admin","amount":44"#, &format!(r#""by":"admin","request":"r","amount":44{more}"#));
            Escrow::parse(&text).unwrap()
        };
        let otherwise = |escrow: &Escrow, request: &str, operation, digest: &str| {
            escrow.was_asked_otherwise(request, operation, digest)
        };
        let known = with(r#","fingerprint":"d""#);
        assert!(!otherwise(&known, "r", Operation::Refund, "d"));
        assert!(otherwise(&known, "r", Operation::Refund, "e"));
        assert!(!otherwise(&known, "s", Operation::Refund, "e"));
        let old = with("");
        assert!(!otherwise(&old, "r", Operation::Refund, "d"));
        assert!(otherwise(&old, "r", Operation::Release, "d"));
    }
}
