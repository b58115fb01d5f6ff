//! An escrow's answer as rows of a page.

use holdfast::domain::money::{Currency, Money};
use serde_json::Value;

use super::api::Call;
use crate::clock;
use crate::mail::{Mail, MailStatus};
use crate::page::Tone;
use crate::webhooks::Received;

/// An escrow in a line.
pub(super) struct Summary {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) amount: String,
    pub(super) status: String,
    pub(super) tone: Tone,
}

impl Summary {
    pub(super) fn of(escrow: &Value) -> Self {
        let status = text(&escrow["status"]);
        Self {
            id: text(&escrow["escrowId"]),
            description: text(&escrow["description"]),
            amount: money(&escrow["amount"], escrow),
            tone: tone(&status),
            status: words(&status),
        }
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A name of the API's in words.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// An amount of the escrow's currency, as people write it.
pub(super) fn money(amount: &Value, escrow: &Value) -> String {
    let currency = Currency::parse(escrow["currency"].as_str().unwrap_or_default());
    let amount = amount.as_i64().zip(currency.ok()).and_then(|(amount, currency)| Money::new(amount, currency).ok());
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

/// The colour of an escrow's state.
pub(super) fn tone(status: &str) -> Tone {
    match status {
        "authorized" | "released" => Tone::Good,
        "disputed" | "charged_back" => Tone::Bad,
        "created" | "releasing" | "refunding" | "resolving" | "cancelling" => Tone::Waiting,
        _ => Tone::Quiet,
    }
}

/// One move of the history.
pub(super) struct Move {
    pub(super) time: String,
    pub(super) what: String,
    pub(super) to: String,
    pub(super) tone: Tone,
    pub(super) by: String,
    pub(super) note: String,
}

pub(super) fn history(escrow: &Value) -> Vec<Move> {
    let entries = escrow["history"].as_array().into_iter().flatten();
    entries
        .map(|entry| {
            let to = text(&entry["to"]);
            let amount = money(&entry["amount"], escrow);
            let failure = &entry["failure"]["declineCode"];
            let parts = [amount, text(&entry["reason"]), words(&text(failure))];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            Move {
                time: clock::time_of_day(entry["at"].as_i64().unwrap_or_default()),
                what: words(&text(&entry["operation"])),
                tone: tone(&to),
                to: words(&to),
                by: text(&entry["by"]),
                note: parts.join(" · "),
            }
        })
        .collect()
}

/// One side effect: the job, and what arrived of it.
pub(super) struct Effect {
    pub(super) job_type: String,
    pub(super) job_id: String,
    pub(super) status: String,
    pub(super) tone: Tone,
    /// What arrived, where to see it, and when.
    pub(super) arrived: Vec<Arrived>,
}

pub(super) struct Arrived {
    pub(super) what: String,
    pub(super) href: String,
    pub(super) time: String,
}

/// The jobs of an escrow, newest first, each with the mails and webhooks that came of it.
pub(super) fn effects(escrow: &Value, mails: &[Mail], received: &[Received]) -> Vec<Effect> {
    let jobs = escrow["jobStatuses"].as_array().into_iter().flatten().rev();
    jobs.map(|job| {
        let (id, status) = (text(&job["id"]), text(&job["status"]));
        let tone = match status.as_str() {
            "completed" => Tone::Good,
            "dead_letter" => Tone::Bad,
            "cancelled" | "" => Tone::Quiet,
            _ => Tone::Waiting,
        };
        let of_job = |key: &Option<String>| {
            key.as_ref()
                .and_then(|key| key.strip_prefix(&id))
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        };
        let mails = mails.iter().filter(|mail| of_job(&mail.idempotency_key)).map(|mail| Arrived {
            what: format!("“{}” to {}, {}", mail.draft.subject, mail.draft.to.join(", "), mail_status(mail.status)),
            href: format!("/dev/outbox/{}", mail.id),
            time: clock::time_of_day(mail.created_at_ms),
        });
        let webhooks = received.iter().filter(|one| of_job(&one.id)).map(|one| Arrived {
            what: if one.reason.is_none() { "verified".to_owned() } else { "refused".to_owned() },
            href: "/dev/webhooks".to_owned(),
            time: clock::time_of_day(one.received_at_ms),
        });
        Effect {
            arrived: mails.chain(webhooks).collect(),
            job_type: text(&job["type"]),
            status: if status.is_empty() { "forgotten".to_owned() } else { words(&status) },
            job_id: id,
            tone,
        }
    })
    .collect()
}

fn mail_status(status: MailStatus) -> &'static str {
    match status {
        MailStatus::Queued => "accepted",
        MailStatus::Sent => "sent",
        MailStatus::Delivered => "delivered",
        MailStatus::DeliveryDelayed => "delayed",
        MailStatus::Bounced => "bounced",
        MailStatus::Complained => "marked as spam",
        MailStatus::Opened => "opened",
    }
}

/// One call of the shop's.
pub(super) struct CallShown {
    pub(super) time: String,
    pub(super) status: String,
    pub(super) tone: Tone,
    pub(super) took_ms: u128,
    pub(super) curl: String,
    pub(super) answer: String,
}

impl From<Call> for CallShown {
    fn from(call: Call) -> Self {
        Self {
            time: clock::time_of_day(call.at_ms),
            status: call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            tone: Tone::of_status(call.status),
            took_ms: call.took_ms,
            curl: call.curl,
            answer: serde_json::to_string_pretty(&call.answer).unwrap_or_default(),
        }
    }
}
