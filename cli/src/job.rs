//! `job` and `cancel`: one job.

use std::fmt::Write;

use holdfast::domain::id::JobId;
use holdfast::domain::job::JobDocument;
use holdfast::domain::millis::Millis;
use holdfast::queue::{Cancelled, Queue};
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::pretty::pretty;
use crate::session::Session;
use crate::table::{Side, Table, on_one_line};
use crate::words::seen_from;

pub(crate) async fn show(session: &Session, id: &JobId) -> Result<(), Failure> {
    let document = read(&session.queue()?, id).await?;
    session.answer(&json(&document), || text(&document, session.now()))
}

pub(crate) async fn cancel(session: &Session, id: &JobId) -> Result<(), Failure> {
    let queue = session.queue()?;
    match queue.cancel(id).await? {
        Cancelled::Done => {}
        Cancelled::UnknownJob => return Err(Failure::unknown_job(id)),
        Cancelled::Processing => return Err(processing(id)),
        Cancelled::Over(status) => return Err(over(id, status.as_str())),
    }
    let document = read(&queue, id).await?;
    session.answer(&json(&document), || format!("cancelled {id}\n"))
}

pub(crate) async fn read(queue: &Queue, id: &JobId) -> Result<JobDocument, Failure> {
    let view = queue.status(id).await?;
    view.map(|view| view.document).ok_or_else(|| Failure::unknown_job(id))
}

pub(crate) fn processing(id: &JobId) -> Failure {
    Failure::Refused(format!("a processor works on {id} just now; it may be asked again afterwards"))
}

pub(crate) fn over(id: &JobId, status: &str) -> Failure {
    Failure::Refused(format!("the life of {id} is over: its status is {status}"))
}

/// A job's document as JSON.
pub(crate) fn json(document: &JobDocument) -> Box<RawValue> {
    RawValue::from_string(document.shown().to_json()).unwrap_or_default()
}

/// A job for a person.
pub(crate) fn text(document: &JobDocument, now: Millis) -> String {
    let at = |at: Millis| format!("{} ({})", at.to_rfc3339(), seen_from(now, at));
    let attempts = format!("{} of {}", document.attempt_count, document.max_attempts);
    let mut facts = vec![
        ("id", document.id.to_string()),
        ("type", document.job_type.to_string()),
        ("status", document.status.as_str().to_owned()),
        ("attempts", attempts),
        ("created", at(document.created_at)),
    ];
    facts.extend(document.run_at.map(|run_at| ("due", at(run_at))));
    facts.push(("updated", at(document.updated_at)));
    facts.extend(document.completed_at.map(|ended| ("ended", at(ended))));
    facts.extend(document.dedupe_key.as_ref().map(|key| ("dedupe key", key.to_string())));
    facts.extend(document.traceparent.as_ref().map(|trace| ("traceparent", on_one_line(trace))));
    if let Some(error) = &document.last_error {
        facts.push(("last error", on_one_line(&error.message)));
        facts.extend(error.kind.map(|kind| ("sort of failure", kind_name(kind))));
    }
    if document.recoveries > 0 {
        facts.push(("came back by itself", format!("{} times", document.recoveries)));
    }
    let mut text = Table::of_facts(facts).text();
    if !document.history.is_empty() {
        let mut lives =
            Table::new(&[("earlier lives", Side::Left), ("attempts", Side::Right), ("last error", Side::Left)]);
        for life in &document.history {
            let error = life.last_error.clone().unwrap_or_default();
            lives.row([seen_from(now, life.died_at), life.attempt_count.to_string(), error]);
        }
        let _ = write!(text, "\n{}", lives.text());
    }
    let payload = pretty(document.payload.get());
    let lines: Vec<String> = payload.lines().map(on_one_line).collect();
    let _ = writeln!(text, "\n{}", lines.join("\n"));
    text
}

/// A sort of failure as documents and filters write it.
pub(crate) fn kind_name(kind: holdfast::domain::outcome::FailureKind) -> String {
    serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
