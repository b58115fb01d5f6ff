//! One job's page: what it is, what it went through, and what can be done with it.

use std::collections::BTreeMap;

use askama::Template;
use http::StatusCode;

use super::letters::{error, kind_name};
use super::page::{self, Shell};
use super::problem::Problem;
use super::text::{self, Addresses, When};
use super::webhooks::Webhooks;
use crate::app::App;
use crate::deliveries::MailDelivery;
use crate::domain::id::JobId;
use crate::domain::job::{JobDocument, JobStatus, JobType};
use crate::domain::mail_event::MailEvent;
use crate::domain::millis::Millis;
use crate::domain::outcome::FailureKind;
use crate::http::{ApiError, Response};

#[derive(Template)]
#[template(path = "dashboard/job.html")]
struct Page {
    shell: Shell,
    id: JobId,
    job_type: JobType,
    status: &'static str,
    tone: &'static str,
    attempts: String,
    escrow: Option<String>,
    facts: Vec<(&'static str, String)>,
    timeline: Vec<Moment>,
    tries: Vec<Try>,
    /// What a try is called here, and how the other side knows a repeated one.
    tries_are: &'static str,
    repeats: Option<String>,
    mails: Vec<Mail>,
    webhooks: Webhooks,
    payload: String,
    payload_has: Addressed,
    may_be: Change,
}

/// What a payload shows of e-mail addresses.
enum Addressed {
    None,
    Masked,
    Shown,
}

/// What can be done with the job.
enum Change {
    Nothing,
    Redriven,
    Cancelled,
}

/// Something that happened to the job, or is to.
struct Moment {
    at: Millis,
    when: When,
    what: String,
    tone: &'static str,
    detail: Option<String>,
}

/// One attempt.
struct Try {
    number: u32,
    when: Option<When>,
    outcome: &'static str,
    tone: &'static str,
    detail: String,
}

/// What became of one mail after the provider took it.
struct Mail {
    recipient: u32,
    status: &'static str,
    tone: &'static str,
    when: When,
    why: Option<String>,
}

/// Writes the page. One call to Redis, and another for a job that sends mails or a webhook.
pub(super) async fn show(app: &App, shell: Shell, id: &JobId, addresses: Addresses) -> Result<Response, Problem> {
    let now = app.clock().now();
    let view = app.queue()?.status(id).await?.ok_or_else(|| {
        let detail = "there is no such job; completed ones are kept for 24 hours, dead letters for 7 days";
        ApiError::new(StatusCode::NOT_FOUND, "unknown_job", detail)
    })?;
    let document = view.document;
    let payload = text::payload(&document, addresses);
    let payload_has = match addresses {
        Addresses::Shown => Addressed::Shown,
        Addresses::Masked if payload == text::payload(&document, Addresses::Shown) => Addressed::None,
        Addresses::Masked => Addressed::Masked,
    };
    let may_be = match document.status {
        JobStatus::DeadLetter => Change::Redriven,
        JobStatus::Pending | JobStatus::Scheduled | JobStatus::Failed => Change::Cancelled,
        JobStatus::Processing | JobStatus::Completed | JobStatus::Cancelled => Change::Nothing,
    };
    let is_delivery = is_delivery(document.job_type);
    let is_mail = is_delivery && document.job_type != JobType::WebhookEscrowStatusChanged;
    let known = if is_mail { app.deliveries()?.of_job(id).await? } else { BTreeMap::new() };
    let page = Page {
        shell,
        id: id.clone(),
        job_type: document.job_type,
        status: words(document.status),
        tone: tone(document.status),
        attempts: format!("{} of {}", document.attempt_count, document.max_attempts),
        escrow: escrow(&document),
        facts: facts(&document),
        timeline: timeline(&document, now),
        tries: tries(&document, now),
        tries_are: if is_delivery { "Deliveries" } else { "Attempts" },
        repeats: repeats(&document),
        mails: known.into_iter().filter_map(|(recipient, mail)| Mail::new(recipient, mail, now)).collect(),
        webhooks: Webhooks::of(app, &document, now).await?,
        payload,
        payload_has,
        may_be,
    };
    Ok(page::render(&page)?)
}

/// Writes a status in words.
pub(super) fn words(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Pending => "ready",
        JobStatus::Scheduled => "scheduled",
        JobStatus::Processing => "in flight",
        JobStatus::Failed => "waits for its next attempt",
        JobStatus::Completed => "done",
        JobStatus::DeadLetter => "dead letter",
        JobStatus::Cancelled => "cancelled",
    }
}

/// The class that colours a status.
pub(super) fn tone(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Completed => "good",
        JobStatus::DeadLetter => "bad",
        JobStatus::Failed | JobStatus::Processing => "waiting",
        JobStatus::Pending | JobStatus::Scheduled | JobStatus::Cancelled => "quiet",
    }
}

impl Mail {
    /// Writes how a mail stands; nothing where nothing is known.
    fn new(recipient: u32, mail: MailDelivery, now: Millis) -> Option<Self> {
        let status = mail.status()?;
        let tone = match status {
            MailEvent::Delivered | MailEvent::Opened => "good",
            MailEvent::Sent | MailEvent::Delayed => "waiting",
            MailEvent::Suppressed | MailEvent::Failed | MailEvent::Bounced | MailEvent::Complained => "bad",
        };
        let at = mail.events.get(&status).copied().unwrap_or(now);
        let why = mail.why.map(|why| text::shown(&why, Addresses::Masked));
        Some(Self { recipient, status: status.as_str(), tone, when: When::new(at, now), why })
    }
}

fn is_delivery(job_type: JobType) -> bool {
    !matches!(job_type, JobType::StripeCapturePayment | JobType::StripeRefundPayment | JobType::AuditLogCreated)
}

/// Says by what the other side knows that a repeated call is the same.
fn repeats(document: &JobDocument) -> Option<String> {
    match document.job_type {
        JobType::WebhookEscrowStatusChanged => {
            // One that is sent again has the id of the first.
            let payload: Option<serde_json::Value> = serde_json::from_str(document.payload.get()).ok();
            let given = payload.as_ref().and_then(|payload| payload.get("webhookId")?.as_str());
            Some(format!("every delivery has the webhook-id {}", given.unwrap_or(document.id.as_str())))
        }
        job_type if is_delivery(job_type) => Some(
            "every delivery has the job's own idempotency key, so that a repeated one sends no second mail".to_owned(),
        ),
        _ => None,
    }
}

/// The escrow that the job is about, where its payload names one of ours.
fn escrow(document: &JobDocument) -> Option<String> {
    let payload: serde_json::Value = serde_json::from_str(document.payload.get()).ok()?;
    let named = ["escrowId", "transactionId"].into_iter().find_map(|name| payload.get(name)?.as_str());
    named.filter(|id| id.starts_with("esc_") && crate::domain::id::EscrowId::parse(*id).is_ok()).map(str::to_owned)
}

fn facts(document: &JobDocument) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    facts.extend(document.dedupe_key.as_ref().map(|key| ("Dedupe key", text::shown(key.as_str(), Addresses::Masked))));
    facts.extend(document.traceparent.as_ref().map(|trace| ("Trace", text::shown(trace, Addresses::Masked))));
    if document.recoveries > 0 {
        facts.push(("Came back by itself", format!("{} times", document.recoveries)));
    }
    facts
}

fn timeline(document: &JobDocument, now: Millis) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut add = |at: Millis, what: String, tone, detail: Option<String>| {
        let detail = detail.map(|text| text::shown(&text, Addresses::Masked));
        moments.push(Moment { at, when: When::new(at, now), what, tone, detail });
    };
    add(document.created_at, "Enqueued".into(), "quiet", None);
    for life in &document.history {
        let what = format!("Became a dead letter after {}", attempts(life.attempt_count));
        add(life.died_at, what, "bad", life.last_error.clone());
    }
    for failed in &document.failures {
        add(failed.at, format!("Attempt {} failed", failed.attempt), "waiting", Some(failed.error.clone()));
    }
    let ended = document.completed_at.unwrap_or(document.updated_at);
    match document.status {
        JobStatus::Completed => add(ended, format!("Done on attempt {}", document.attempt_count), "good", None),
        JobStatus::DeadLetter => {
            let what = format!("Became a dead letter after {}", attempts(document.attempt_count));
            add(ended, what, "bad", Some(error(document)));
        }
        JobStatus::Cancelled => add(ended, "Cancelled".into(), "quiet", None),
        JobStatus::Processing => {
            add(now, format!("Attempt {} is under way", document.attempt_count), "waiting", None);
        }
        JobStatus::Pending | JobStatus::Scheduled | JobStatus::Failed => {}
    }
    match (document.run_at, document.status) {
        (Some(at), JobStatus::DeadLetter) => add(at, "Comes back by itself".into(), "quiet", None),
        (Some(at), JobStatus::Failed) => add(at, "Next attempt".into(), "quiet", None),
        (Some(at), _) if document.history.is_empty() && document.failures.is_empty() => {
            add(at, "Due".into(), "quiet", None);
        }
        (Some(at), JobStatus::Pending) if !document.history.is_empty() => add(at, "Brought back".into(), "quiet", None),
        _ => {}
    }
    moments.sort_by_key(|moment| moment.at);
    moments
}

fn attempts(count: u32) -> String {
    if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") }
}

/// The attempts of this life that are on record, the newest first.
fn tries(document: &JobDocument, now: Millis) -> Vec<Try> {
    let of = |kind: Option<FailureKind>, error: &str| {
        let error = text::shown(error, Addresses::Masked);
        kind.map_or(error.clone(), |kind| format!("{}: {error}", kind_name(kind)))
    };
    let failed =
        |number, at, detail| Try { number, when: Some(When::new(at, now)), outcome: "failed", tone: "bad", detail };
    let mut tries: Vec<Try> =
        document.failures.iter().map(|one| failed(one.attempt, one.at, of(one.error_kind, &one.error))).collect();
    let (number, ended) = (document.attempt_count, document.completed_at.unwrap_or(document.updated_at));
    let last = document.last_error.as_ref();
    match document.status {
        JobStatus::Completed => {
            tries.push(Try {
                number,
                when: Some(When::new(ended, now)),
                outcome: "done",
                tone: "good",
                detail: String::new(),
            });
        }
        JobStatus::DeadLetter if number > 0 => {
            tries.push(failed(number, ended, last.map(|last| of(last.kind, &last.message)).unwrap_or_default()));
        }
        JobStatus::Processing => {
            tries.push(Try { number, when: None, outcome: "under way", tone: "waiting", detail: String::new() });
        }
        _ => {}
    }
    tries.reverse();
    tries
}
