//! What an audit record tells of one change, in one form for all of them.

use serde::Serialize;
use serde_json::Value;

use super::millis::Millis;

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Actor<'a> {
    /// `partner` or `admin` (by API key), `operator` (by the processor's token or the command line), `stripe` (by its event), `fallback` (by a job
    /// that finished what a request began).
    pub kind: &'a str,
    /// Which of them, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// `escrow`, `job`, `dead_letters`, `control`, `api_key`, `partner`, `endpoint`, `suppression`, `address`.
    pub kind: &'static str,
    /// Which of them, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Subject {
    /// Makes a subject of a kind of which there is one.
    pub fn the(kind: &'static str) -> Self {
        Self { kind, id: None }
    }

    /// Makes one of several.
    pub fn of(kind: &'static str, id: &(impl ToString + ?Sized)) -> Self {
        Self { kind, id: Some(id.to_string()) }
    }
}

/// A change: what was done, to what, and how that stood before and after. It names no person: addresses do not belong into a log that is
/// kept for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditedChange {
    /// Such as `escrow.release` or `control_changed`.
    pub action: String,
    /// To what.
    pub subject: Subject,
    /// How it stood; null where it was not there.
    pub before: Value,
    /// How it stands; null where it is gone.
    pub after: Value,
}

impl AuditedChange {
    /// Makes a change.
    pub fn new(action: &str, subject: Subject, before: Value, after: Value) -> Self {
        Self { action: action.to_owned(), subject, before, after }
    }
}

/// A change, by whom, when and at which request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent<'a> {
    /// When it was made.
    pub time: Millis,
    /// By whom.
    pub actor: Actor<'a>,
    /// What.
    #[serde(flatten)]
    pub change: AuditedChange,
    /// The request's id; nothing where it was no request's.
    pub request_id: Option<&'a str>,
}

/// The payload of the job that writes the record.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditPayload<'a> {
    /// The event.
    pub event_data: AuditEvent<'a>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_says_when_who_what_to_what_before_after_and_at_which_request() {
        let change = AuditedChange {
            action: "escrow.release".to_owned(),
            subject: Subject::of("escrow", "esc_1"),
            before: json!({"status": "authorized"}),
            after: json!({"status": "releasing"}),
        };
        let actor = Actor { kind: "partner", id: Some("shop") };
        let event = AuditEvent { time: Millis(7), actor, change, request_id: Some("req-1") };
        assert_eq!(
            serde_json::to_string(&AuditPayload { event_data: event }).unwrap(),
            r#"{"eventData":{"time":7,"actor":{"kind":"partner","id":"shop"},"action":"escrow.release","subject":{"kind":"escrow","id":"esc_1"},"before":{"status":"authorized"},"after":{"status":"releasing"},"requestId":"req-1"}}"#
        );
    }
}
