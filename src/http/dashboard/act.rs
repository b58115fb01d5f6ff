//! What forms do: sign in and out, search, pause, redrive, discard, cancel, show addresses.
//!
//! Each is refused unless it comes from a page of this session. What changes something goes the way of the API's own routes, with the same audit
//! record, and then sends the browser to a page, so that a reload repeats nothing.

use askama::Template;
use http::HeaderValue;
use serde_json::Value;

use super::form::Form;
use super::page::{self, Shell};
use super::problem::Problem;
use super::session::{self, Session};
use super::text::{self, Addresses};
use super::view::View;
use super::{escrow, job, letters, search};
use crate::app::App;
use crate::deliveries::AddressHash;
use crate::domain::audit_event::{AuditedChange, Subject};
use crate::domain::control::{Rule, Scope};
use crate::domain::id::JobId;
use crate::domain::job::{JobType, UnknownJobType};
use crate::http::jobs::dead_letter::Filter;
use crate::http::jobs::dead_letter_action::Walk;
use crate::http::{ApiError, Request, Response, Wake, record};
use crate::queue::{Caller, Cancelled, MAX_IDS, Recorder, Treatment};

/// Dead letters changed by one click on all of them. The API's own number: ten calls to Redis, about a second.
const STEP: usize = 500;

/// Does what a form asks for.
pub(super) async fn act(app: &App, request: &Request) -> Result<Response, Problem> {
    if !session::is_from_here(request) {
        return Err(Problem::ForeignForm);
    }
    let form = Form::of(request)?;
    // A button may name what it is about: `redrive job-1`.
    let action = form.one("action")?;
    let (action, one) = action.split_once(' ').unwrap_or((action, ""));
    if action == "sign-in" {
        return sign_in(app, request, form.one("token")?);
    }
    let session = session::of(app, request)?;
    if !session.wrote(form.one("form")?) {
        return Err(Problem::ForeignForm);
    }
    match action {
        "sign-out" => {
            let mut response = page::see_other("");
            response.headers_mut().insert("set-cookie", session::end(request));
            Ok(response)
        }
        "search" => Ok(page::see_other(&search::query(form.one("text")?)?)),
        "pause" => pause(app, request, form.one("type")?, true).await,
        "resume" => pause(app, request, form.one("type")?, false).await,
        "redrive" => change(app, request, &session, Treatment::Redrive, &form, one).await,
        "discard" => change(app, request, &session, Treatment::Discard, &form, one).await,
        "cancel" => cancel(app, request, one).await,
        "lift" => lift(app, request, one).await,
        "addresses" => addresses(app, request, &session).await,
        other => {
            let other: String = other.chars().take(64).collect();
            Err(ApiError::invalid("unknown_action", format!("{other:?} is nothing that a form here asks for")).into())
        }
    }
}

fn sign_in(app: &App, request: &Request, token: &str) -> Result<Response, Problem> {
    let cookie = session::begin(app, request, token)?;
    let mut response = page::see_other(&request.query);
    response.headers_mut().insert("set-cookie", cookie);
    tracing::info!(request.id = %request.id, "an operator signed in to the dashboard");
    Ok(response)
}

async fn pause(app: &App, request: &Request, name: &str, paused: bool) -> Result<Response, Problem> {
    let scope = match name {
        "*" => Scope::All,
        name => Scope::Type(job_type(name)?),
    };
    let rule = Rule::Paused(scope, paused);
    app.queue()?.set_rules(&[rule], &recorder(app, request)).await.map_err(ApiError::from)?;
    Ok(waking(back(request, if paused { "paused" } else { "resumed" }, None)))
}

fn job_type(name: &str) -> Result<JobType, ApiError> {
    name.parse().map_err(|error: UnknownJobType| ApiError::invalid("unknown_type", error.to_string()))
}

#[derive(Template)]
#[template(path = "dashboard/sure.html")]
struct Sure {
    shell: Shell,
    question: String,
    action: &'static str,
    ids: Vec<JobId>,
    all: bool,
    cancel: String,
}

/// Redrives or discards: one by its button, those that are ticked, or all that the page's filter names. What cannot be undone, or is about all, is asked
/// for once more.
async fn change(
    app: &App,
    request: &Request,
    session: &Session,
    treatment: Treatment,
    form: &Form,
    one: &str,
) -> Result<Response, Problem> {
    let all = form.one("all")? == "1";
    let ids = ids(if one.is_empty() { form.all("id") } else { vec![one] })?;
    let filter = match View::of(request)? {
        View::Letters { filter, .. } => filter,
        _ => Filter::default(),
    };
    if !all && ids.is_empty() {
        return Err(ApiError::invalid("invalid_count", "nothing is chosen; tick at least one dead letter").into());
    }
    if form.one("sure")? != "1" && (all || treatment == Treatment::Discard) {
        return sure(request, session, treatment, &filter, ids, all);
    }
    let (done, more) = if all {
        let answer = Walk::new(app, treatment, &filter, STEP, None)?.run(app, &recorder(app, request)).await?;
        (answer.done, answer.more)
    } else {
        let recorder = recorder(app, request);
        app.queue()?.treat(treatment, &ids, &recorder).await.map_err(ApiError::from)?;
        (ids.len(), false)
    };
    let notice = match (treatment, more) {
        (Treatment::Redrive, false) => "redriven",
        (Treatment::Redrive, true) => "redriven-more",
        (Treatment::Discard, false) => "discarded",
        (Treatment::Discard, true) => "discarded-more",
    };
    Ok(waking(back(request, notice, Some(done))))
}

fn sure(
    request: &Request,
    session: &Session,
    treatment: Treatment,
    filter: &Filter,
    ids: Vec<JobId>,
    all: bool,
) -> Result<Response, Problem> {
    let which = match (all, ids.len()) {
        (true, _) if letters::query(filter).is_empty() => "all dead letters".to_owned(),
        (true, _) => "all dead letters of this filter".to_owned(),
        (false, 1) => format!("the dead letter {}", ids[0]),
        (false, count) => format!("{} dead letters", text::count(count as u64)),
    };
    let (action, question) = match treatment {
        Treatment::Redrive => ("redrive", format!("Bring back {which}?")),
        Treatment::Discard => ("discard", format!("Throw away {which}? There is no way back.")),
    };
    let shell = Shell::new("Are you sure?", "dead-letters", session);
    Ok(page::render(&Sure { shell, question, action, ids, all, cancel: request.query.clone() })?)
}

fn ids(texts: Vec<&str>) -> Result<Vec<JobId>, ApiError> {
    let mut ids = Vec::new();
    for text in texts {
        let id = JobId::parse(text).map_err(|error| ApiError::invalid("invalid_id", error.to_string()))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > MAX_IDS {
            let detail = format!("more than {MAX_IDS} dead letters in one form");
            return Err(ApiError::invalid("invalid_count", detail));
        }
    }
    Ok(ids)
}

async fn cancel(app: &App, request: &Request, id: &str) -> Result<Response, Problem> {
    let id = JobId::parse(id).map_err(|error| ApiError::invalid("invalid_id", error.to_string()))?;
    match app.queue()?.cancel(&id).await? {
        Cancelled::Done => Ok(back(request, "cancelled", None)),
        Cancelled::UnknownJob => Err(ApiError::not_found("unknown_job", "there is no such job").into()),
        Cancelled::Processing => {
            let detail = "a processor is working on the job; it may be asked again afterwards";
            Err(ApiError::conflict("job_processing", detail).into())
        }
        Cancelled::Over(status) => {
            let detail = format!("the job's life is over: its status is {}", status.as_str());
            Err(ApiError::conflict("job_over", detail).into())
        }
    }
}

async fn lift(app: &App, request: &Request, hash: &str) -> Result<Response, Problem> {
    let wrong = || ApiError::invalid("invalid_field", "lift is not about a SHA-256, 64 hexadecimal digits");
    let address = AddressHash::parse(hash).ok_or_else(wrong)?;
    if !app.deliveries()?.lift(&address, &recorder(app, request)).await.map_err(ApiError::from)? {
        let detail = "this address is not suppressed; mails are sent to it";
        return Err(ApiError::not_found("not_suppressed", detail).into());
    }
    Ok(back(request, "lifted", None))
}

/// Shows a page with its e-mail addresses, once, and puts on record that they were.
async fn addresses(app: &App, request: &Request, session: &Session) -> Result<Response, Problem> {
    let (subject, title) = match View::of(request)? {
        View::Job(id) => (Subject::of("job", &id), format!("Job {id}")),
        View::Escrow(id) => (Subject::of("escrow", &id), format!("Escrow {id}")),
        _ => return Err(ApiError::invalid("invalid_query", "only a job's or an escrow's page has addresses").into()),
    };
    // Nothing is changed by it but who knows.
    let change = AuditedChange::new("addresses_shown", subject, Value::Null, Value::Null);
    let record = recorder(app, request).record(change);
    let record = record.map_err(|error| record::too_large(&error))?;
    app.queue()?.enqueue(&[record]).await.map_err(ApiError::from)?;
    let shell = Shell::new(title, "", session);
    match View::of(request)? {
        View::Job(id) => job::show(app, shell, &id, Addresses::Shown).await,
        View::Escrow(id) => escrow::show(app, shell, &id, Addresses::Shown).await,
        _ => Err(ApiError::internal().into()),
    }
}

fn recorder(app: &App, request: &Request) -> Recorder {
    record::recorder(app, request, Caller::operator("dashboard"))
}

/// Sends the browser back to the page that the form was on, which says what came of it.
fn back(request: &Request, notice: &str, count: Option<usize>) -> Response {
    let pairs = url::form_urlencoded::parse(request.query.as_bytes());
    let kept = pairs.filter(|(name, _)| !matches!(&**name, "notice" | "n" | "cursor"));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept).append_pair("notice", notice);
    if let Some(count) = count {
        query.append_pair("n", &count.to_string());
    }
    page::see_other(&query.finish())
}

/// Has the processor see to it soon.
fn waking(mut response: Response) -> Response {
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(Wake);
    response
}
