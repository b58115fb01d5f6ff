//! The outbox for people, and its controls over HTTP, under `base/control`.
//!
//! | POST to | with |
//! | --- | --- |
//! | `faults` | a fault: `{"fault":"rate_limited","retryAfterSecs":1,"times":2,"path":"/batch"}` |
//! | `faults/clear` | |
//! | `mails/{id}/event` | `{"type":"email.bounced"}` |
//! | `events/hold`, `events/release` | for release, `{"order":"reversed"}` if so |
//! | `events/twice`, `events/url` | `{"twice":true}`, `{"url":"http://..."}` |

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;

use super::{Mail, MailEvent, MailStatus, Outbox};
use crate::clock;
use crate::control::{Refused, Sent};
use crate::fault::Fault;
use crate::page::{self, CallRow, DeliveryRow, ROWS, Tone};
use crate::plan::Rule;
use crate::postman::controls;

#[derive(Clone)]
struct Pages {
    outbox: Outbox,
    base: String,
}

pub(super) fn pages(outbox: &Outbox, base: &str) -> Router {
    Router::new()
        .route(base, get(list))
        .route(&format!("{base}.json"), get(json))
        .route(&format!("{base}/{{id}}"), get(one))
        .route(&format!("{base}/control/faults"), post(plan_fault))
        .route(&format!("{base}/control/faults/clear"), post(clear_faults))
        .route(&format!("{base}/control/mails/{{id}}/event"), post(report))
        .route(&format!("{base}/control/events/{{what}}"), post(events))
        .with_state(Pages { outbox: outbox.clone(), base: base.to_owned() })
}

async fn json(State(pages): State<Pages>) -> Json<Vec<Mail>> {
    Json(pages.outbox.mails().into_iter().rev().collect())
}

async fn plan_fault(State(pages): State<Pages>, sent: Sent) -> Result<Response, Refused> {
    pages.outbox.faults.add(sent.read::<Rule<Fault>>()?);
    Ok(sent.done(&pages.base))
}

async fn clear_faults(State(pages): State<Pages>, sent: Sent) -> Response {
    pages.outbox.faults.clear();
    sent.done(&pages.base)
}

async fn events(State(pages): State<Pages>, Path(what): Path<String>, sent: Sent) -> Result<Response, Refused> {
    controls::control(&pages.outbox.postman, &what, &sent)?;
    Ok(sent.done(&pages.base))
}

/// What happened to a mail, as a control asks for it.
#[derive(Deserialize)]
struct Report {
    #[serde(rename = "type")]
    event: MailEvent,
}

async fn report(State(pages): State<Pages>, Path(id): Path<String>, sent: Sent) -> Result<Response, Refused> {
    let report: Report = sent.read()?;
    let done = pages.outbox.report(&id, report.event);
    sent.done_if(done, &format!("{}/{id}", pages.base))
}

#[derive(Template)]
#[template(path = "outbox.html")]
struct ListPage {
    base: String,
    mails: Vec<Row>,
    example: &'static str,
    pending: Vec<String>,
    deliveries: Vec<DeliveryRow>,
    resend: bool,
    calls: Vec<CallRow>,
}

async fn list(State(Pages { outbox, base }): State<Pages>) -> Response {
    page::render(&ListPage {
        base,
        mails: outbox.mails().iter().rev().take(ROWS).map(Row::of).collect(),
        example: "/batch",
        pending: outbox.faults.pending().iter().map(Rule::summary).collect(),
        deliveries: outbox.postman.deliveries().into_iter().rev().take(ROWS).map(DeliveryRow::from).collect(),
        resend: false,
        calls: outbox.calls().into_iter().rev().take(ROWS).map(CallRow::from).collect(),
    })
}

#[derive(Template)]
#[template(path = "mail.html")]
struct MailPage {
    base: String,
    row: Row,
    more: Vec<(&'static str, String)>,
    possible: &'static [MailEvent],
    mail: Mail,
}

async fn one(State(Pages { outbox, base }): State<Pages>, Path(id): Path<String>) -> Response {
    let Some(mail) = outbox.mails().into_iter().find(|mail| mail.id == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let draft = &mail.draft;
    let lists = [("Cc", &draft.cc), ("Bcc", &draft.bcc), ("Reply to", &draft.reply_to)];
    let mut more: Vec<_> = lists.map(|(name, all)| (name, all.join(", "))).to_vec();
    let tags: Vec<_> = draft.tags.iter().map(|tag| format!("{}={}", tag.name, tag.value)).collect();
    more.push(("Tags", tags.join(", ")));
    more.retain(|(_, value)| !value.is_empty());
    page::render(&MailPage { base, row: Row::of(&mail), more, possible: &MailEvent::ALL, mail })
}

struct Row {
    id: String,
    time: String,
    date: String,
    to: String,
    subject: String,
    key: String,
    status: &'static str,
    tone: Tone,
}

impl Row {
    fn of(mail: &Mail) -> Self {
        let (status, tone) = match mail.status {
            MailStatus::Queued => ("queued", Tone::Quiet),
            MailStatus::Sent => ("sent", Tone::Quiet),
            MailStatus::Delivered => ("delivered", Tone::Good),
            MailStatus::DeliveryDelayed => ("delayed", Tone::Waiting),
            MailStatus::Bounced => ("bounced", Tone::Bad),
            MailStatus::Complained => ("complained", Tone::Bad),
            MailStatus::Opened => ("opened", Tone::Good),
        };
        Self {
            id: mail.id.clone(),
            time: clock::time_of_day(mail.created_at_ms),
            date: clock::rfc3339(mail.created_at_ms),
            to: mail.draft.to.join(", "),
            subject: mail.draft.subject.clone(),
            key: mail.idempotency_key.clone().unwrap_or_default(),
            status,
            tone,
        }
    }
}
