//! The dead letters: each with its error and payload, and what can be done with it.

use askama::Template;

use super::page::{self, Shell};
use super::problem::Problem;
use super::text::{self, Addresses, When};
use crate::app::App;
use crate::domain::id::JobId;
use crate::domain::job::{JobDocument, JobType};
use crate::domain::outcome::FailureKind;
use crate::http::Response;
use crate::http::jobs::dead_letter::{self, Filter};
use crate::queue::DeadLetter;

/// Dead letters on a page. Chosen: with payloads of the usual size a page is well under 100 KB.
const ON_A_PAGE: usize = 25;

/// Every sort of failure, with the word for it in a query.
const KINDS: [FailureKind; 8] = [
    FailureKind::Timeout,
    FailureKind::Unavailable,
    FailureKind::Throttled,
    FailureKind::Rejected,
    FailureKind::Unreadable,
    FailureKind::Configuration,
    FailureKind::Panicked,
    FailureKind::Crashed,
];

#[derive(Template)]
#[template(path = "dashboard/dead_letters.html")]
struct Page {
    shell: Shell,
    letters: Vec<Row>,
    types: Vec<Choice>,
    kinds: Vec<Choice>,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
    /// The filter, as it stands in a query.
    filter: String,
}

struct Choice {
    value: String,
    is_chosen: bool,
}

struct Row {
    id: JobId,
    job_type: JobType,
    died: When,
    attempts: u32,
    kind: Option<String>,
    error: String,
    comes_back: Option<When>,
    payload: String,
}

/// Writes a page of the list. One call to Redis; up to ten where it is narrowed.
pub(super) async fn show(app: &App, shell: Shell, filter: Filter, cursor: Option<&str>) -> Result<Response, Problem> {
    let now = app.clock().now();
    let found = dead_letter::page(app, &filter, ON_A_PAGE, cursor).await?;
    let chosen_type = filter.of.job_type.map(|job_type| job_type.to_string());
    let chosen_kind = filter.of.kind.map(kind_name);
    let choice = |value: String, chosen: &Option<String>| Choice { is_chosen: chosen.as_ref() == Some(&value), value };
    let page = Page {
        shell,
        letters: found.letters.iter().map(|letter| Row::new(letter, now)).collect(),
        types: JobType::ALL.map(|job_type| choice(job_type.to_string(), &chosen_type)).into(),
        kinds: KINDS.map(|kind| choice(kind_name(kind), &chosen_kind)).into(),
        is_filtered: !filter.of.is_open(),
        is_first: cursor.is_none(),
        next: found.cursor,
        filter: query(&filter),
    };
    Ok(page::render(&page)?)
}

/// Writes a filter as it stands in a query: `&type=...&errorKind=...`.
pub(super) fn query(filter: &Filter) -> String {
    let job_type = filter.of.job_type.map(|job_type| format!("&type={job_type}")).unwrap_or_default();
    let kind = filter.of.kind.map(|kind| format!("&errorKind={}", kind_name(kind))).unwrap_or_default();
    job_type + &kind
}

/// Writes a sort of failure as in queries and documents.
pub(super) fn kind_name(kind: FailureKind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Says why the last attempt failed.
pub(super) fn error(document: &JobDocument) -> String {
    let error = document.last_error.as_ref().map(|error| text::shown(&error.message, Addresses::Masked));
    error.unwrap_or_else(|| "no error is on record".to_owned())
}

impl Row {
    fn new(letter: &DeadLetter, now: crate::domain::millis::Millis) -> Self {
        let document = &letter.document;
        Self {
            id: document.id.clone(),
            job_type: document.job_type,
            died: When::new(letter.died_at, now),
            attempts: document.attempt_count,
            kind: document.last_error.as_ref().and_then(|error| error.kind).map(kind_name),
            error: error(document),
            comes_back: document.run_at.filter(|at| *at > now).map(|at| When::new(at, now)),
            payload: text::payload(document, Addresses::Masked),
        }
    }
}
