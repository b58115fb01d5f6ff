//! What stands in a webhook: `{"type", "timestamp", "apiVersion", "data"}`.
//!
//! The body depends on the job alone, so that every attempt sends the same. A field is never removed or given another
//! meaning within a version; new ones may come at any time.

use serde::Serialize;

use crate::domain::id::JobId;
use crate::domain::job::EscrowStatusChanged;
use crate::domain::millis::Millis;

/// Version of the bodies. Chosen: the month they were first sent.
pub(in crate::workers) const API_VERSION: &str = "2026-11-01";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(rename = "type")]
    sort: &'a str,
    timestamp: &'a str,
    api_version: &'static str,
    data: Change<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    escrow_id: &'a str,
    status_before: &'a str,
    status_after: &'a str,
    occurred_at: &'a str,
}

/// Returns when a change was. Where neither the payload nor the job's id tells, it is `now`.
pub(super) fn occurred_at(job_id: &JobId, change: &EscrowStatusChanged, now: Millis) -> Millis {
    change.occurred_at.or(job_id.created_at()).unwrap_or(now)
}

/// Writes the body for a change of an escrow.
pub(super) fn body(job_id: &JobId, change: &EscrowStatusChanged, now: Millis) -> String {
    let occurred_at = occurred_at(job_id, change, now).to_rfc3339();
    let event = Event {
        sort: change.event_name(),
        timestamp: &occurred_at,
        api_version: API_VERSION,
        data: Change {
            escrow_id: &change.escrow_id,
            status_before: &change.status_before,
            status_after: &change.status_after,
            occurred_at: &occurred_at,
        },
    };
    serde_json::to_string(&event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(occurred_at: Option<Millis>) -> EscrowStatusChanged {
        EscrowStatusChanged {
            escrow_id: "esc_\"1\"".into(),
            status_before: "authorized".into(),
            status_after: "released".into(),
            occurred_at,
            event: None,
            partner: None,
            endpoint: None,
            webhook_id: None,
        }
    }

    #[test]
    fn the_body_names_the_change_its_time_and_its_version() {
        let id = JobId::parse("job-1706234567890-abc123def").unwrap();
        assert_eq!(
            body(&id, &change(Some(Millis(1_706_234_567_001))), Millis(5)),
            r#"{"type":"escrow.status_changed","timestamp":"2024-01-26T02:02:47.001Z","apiVersion":"2026-11-01","data":{"escrowId":"esc_\"1\"","statusBefore":"authorized","statusAfter":"released","occurredAt":"2024-01-26T02:02:47.001Z"}}"#
        );
    }

    #[test]
    fn without_a_time_the_jobs_own_stands_in_on_every_attempt() {
        let id = JobId::parse("job-1706234567890-abc123def").unwrap();
        assert_eq!(body(&id, &change(None), Millis(5)), body(&id, &change(None), Millis(6)));
        assert!(body(&id, &change(None), Millis(5)).contains("2024-01-26T02:02:47.890Z"));
    }
}
