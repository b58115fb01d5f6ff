//! Resend's API, as far as Holdfast and its neighbours use it.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::message::{Draft, Mail};
use super::refuse::Refusal;
use super::{Outbox, event, mailgun};
use crate::fault::{self, Fault};
use crate::journal::{CallRecord, header};
use crate::keys::{Claim, Held};
use crate::{clock, serve};

/// Longest body, in bytes. Resend's API reference: 40 MB for a mail with its attachments.
const MAX_BODY_BYTES: usize = 40 * 1024 * 1024;

/// Most mails in a batch. Resend's API reference, "Send Batch Emails".
const MAX_BATCH: usize = 100;

/// Longest idempotency key, in characters. Resend's documentation, "Idempotency Keys".
const MAX_KEY_LENGTH: usize = 256;

pub(super) fn router(outbox: &Outbox) -> Router {
    Router::new().fallback(answer).with_state(outbox.clone())
}

async fn answer(State(outbox): State<Outbox>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let fault = outbox.faults.take(&format!("{} {path}", parts.method));
    let record = CallRecord::arrived(&parts.method, &path, &parts.headers, fault.clone());
    let entry = outbox.journal.enter(record);
    let work = {
        let (outbox, fault) = (outbox.clone(), fault.clone());
        async move {
            let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
                return document(StatusCode::PAYLOAD_TOO_LARGE);
            };
            run(&outbox, &Call { method: parts.method, path, headers: parts.headers, body }, fault).await
        }
    };
    let response = fault::around(fault, document, work).await;
    outbox.journal.amend(entry, |record| {
        record.status = serve::status_seen(&response);
    });
    response
}

fn document(status: StatusCode) -> Response {
    Refusal::for_status(status).into_response()
}

struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

async fn run(outbox: &Outbox, call: &Call, fault: Option<Fault>) -> Response {
    let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    if let (&Method::POST, ["v3", _, "messages"]) = (&call.method, segments.as_slice()) {
        let answered = mailgun::send(outbox, &call.headers, call.body.clone()).await;
        if matches!(fault, Some(Fault::Crash { .. })) {
            return document(StatusCode::INTERNAL_SERVER_ERROR);
        }
        return answered
            .map_or_else(|refused| (refused.0, Json(refused.1)).into_response(), |value| Json(value).into_response());
    }
    if let Err(refusal) = authorize(outbox, &call.headers) {
        return refusal.into_response();
    }
    let answered = match (&call.method, segments.as_slice()) {
        (&Method::POST, ["emails"]) => send(outbox, call, fault, one).await,
        (&Method::POST, ["emails", "batch"]) => send(outbox, call, fault, batch).await,
        (&Method::GET, ["emails", id]) => show(outbox, id),
        (_, ["emails", ..]) => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Method is not allowed for the requested path.",
        )),
        _ => Err(Refusal::for_status(StatusCode::NOT_FOUND)),
    };
    answered.map_or_else(Refusal::into_response, |value| Json(value).into_response())
}

fn authorize(outbox: &Outbox, headers: &HeaderMap) -> Result<(), Refusal> {
    // Resend's edge turns callers without a name away before the API sees them.
    if !headers.contains_key(USER_AGENT) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "validation_error",
            "error code: 1010 (the User-Agent header is missing)",
        ));
    }
    let presented = header(headers, AUTHORIZATION.as_str()).ok_or_else(Refusal::missing_key)?;
    match presented.strip_prefix("Bearer ") {
        Some(key) if key == outbox.api_key => Ok(()),
        Some(_) => Err(Refusal::wrong_key()),
        None => Err(Refusal::missing_key()),
    }
}

/// What reads the drafts out of a body, and whether they came as a batch.
type Read = fn(&Value) -> Result<(Vec<Draft>, Shape), Refusal>;

#[derive(Clone, Copy)]
enum Shape {
    One,
    Batch,
}

fn one(json: &Value) -> Result<(Vec<Draft>, Shape), Refusal> {
    Ok((vec![Draft::read(json)?], Shape::One))
}

fn batch(json: &Value) -> Result<(Vec<Draft>, Shape), Refusal> {
    let all = json.as_array().ok_or_else(|| Refusal::validation("The body must be an array of emails."))?;
    if all.is_empty() || all.len() > MAX_BATCH {
        return Err(Refusal::validation("A batch must have between 1 and 100 emails."));
    }
    Ok((all.iter().map(Draft::read).collect::<Result<_, _>>()?, Shape::Batch))
}

async fn send(outbox: &Outbox, call: &Call, fault: Option<Fault>, read: Read) -> Result<Value, Refusal> {
    let json: Value = serde_json::from_slice(&call.body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "validation_error", "The body must be JSON."))?;
    let key = idempotency_key(&call.headers)?;
    let held = match &key {
        Some(key) => match claim(outbox, key, &call.path, &json)? {
            Turn::First(held) => Some(held),
            Turn::Answered(value) => return Ok(value),
        },
        None => None,
    };
    let (drafts, shape) = read(&json)?;
    if let Some(Fault::Slow { ms }) = fault {
        fault::pause(ms).await;
    }
    let crash = || Refusal::for_status(StatusCode::INTERNAL_SERVER_ERROR);
    if fault == Some(Fault::Crash { done: false }) {
        return Err(crash());
    }
    let value = shape.of(outbox.accept(drafts, key.as_deref()));
    if let Some(held) = held {
        held.keep(value.clone());
    }
    if fault == Some(Fault::Crash { done: true }) { Err(crash()) } else { Ok(value) }
}

impl Shape {
    /// The answer with these ids.
    fn of(self, ids: Vec<String>) -> Value {
        let mut ids = ids.into_iter().map(|id| json!({ "id": id }));
        match self {
            Self::One => ids.next().unwrap_or_default(),
            Self::Batch => json!({ "data": ids.collect::<Vec<_>>() }),
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().map_err(|_| Refusal::invalid_idempotency_key())?;
    if key.is_empty() || key.chars().count() > MAX_KEY_LENGTH {
        return Err(Refusal::invalid_idempotency_key());
    }
    Ok(Some(key.to_owned()))
}

enum Turn {
    First(Held<Value>),
    Answered(Value),
}

fn claim(outbox: &Outbox, key: &str, path: &str, json: &Value) -> Result<Turn, Refusal> {
    match outbox.keys.claim(key, &format!("{path} {json}")) {
        Claim::First(held) => Ok(Turn::First(held)),
        Claim::Answered(value) => Ok(Turn::Answered(value)),
        Claim::Misused(_) => Err(Refusal::idempotency_key_misused()),
        Claim::Running => Err(Refusal::idempotency_key_running()),
    }
}

fn show(outbox: &Outbox, id: &str) -> Result<Value, Refusal> {
    let mails = outbox.mails.lock();
    let mail = mails.iter().find(|mail| mail.id == id).ok_or_else(|| Refusal::not_found("Email"))?;
    Ok(resource(mail))
}

fn resource(mail: &Mail) -> Value {
    let draft = &mail.draft;
    json!({
        "object": "email",
        "id": mail.id,
        "to": draft.to,
        "from": draft.from,
        "created_at": clock::rfc3339(mail.created_at_ms),
        "subject": draft.subject,
        "html": draft.html,
        "text": draft.text,
        "bcc": draft.bcc,
        "cc": draft.cc,
        "reply_to": draft.reply_to,
        "tags": draft.tags,
        "last_event": mail.events.last().map_or("queued", |event: &event::MailEvent| event.kind().trim_start_matches("email.")),
    })
}
