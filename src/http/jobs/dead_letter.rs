//! `/api/jobs/dead-letter`: the dead letters, listed; what is done with them is in `dead_letter_action`.

use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use super::cursor::Cursor;
use super::dead_letter_action;
use crate::app::App;
use crate::auth;
use crate::domain::job::{JobType, UnknownJobType};
use crate::domain::limits::{MAX_LOOKED_AT, MAX_STEP_LETTERS};
use crate::domain::millis::Millis;
use crate::domain::outcome::FailureKind;
use crate::http::query::Query;
use crate::http::{ApiError, Request, Response, Route, reply};
use crate::queue::{DeadLetter, LetterFilter, LetterOrder, LetterRange};

/// `GET` and `POST /api/jobs/dead-letter`
pub static DEAD_LETTER: Route = Route::new(
    "jobs-dead-letter",
    "/api/jobs/dead-letter",
    &[
        (Method::GET, |app, request| Box::pin(list(app, request))),
        (Method::POST, |app, request| Box::pin(dead_letter_action::act(app, request))),
    ],
);

/// Dead letters in one answer where the caller names no number. Chosen: a screen full.
const DEFAULT_LIMIT: usize = 50;

/// Most dead letters in one answer.
const MAX_LIMIT: usize = MAX_STEP_LETTERS;

/// Which dead letters are meant.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Filter {
    pub(in crate::http) of: LetterFilter,
    pub(in crate::http) since: Option<Millis>,
    pub(in crate::http) until: Option<Millis>,
}

impl Filter {
    /// Describes the list, so that a cursor of another is known.
    pub(super) fn scope(&self, app: &App, list: &str) -> String {
        let prefix = app.config().key_prefix.as_deref().unwrap_or_default();
        format!("{prefix} {list} {:?} {:?} {:?} {:?}", self.of.job_type, self.of.kind, self.since, self.until)
    }

    /// Takes the filter's parameters out of a query.
    pub(in crate::http) fn of_query(query: &mut Query) -> Result<Self, ApiError> {
        let job_type: Option<String> = query.optional("type", "a job type")?;
        let kind: Option<String> = query.optional("errorKind", "a sort of failure")?;
        Ok(Self {
            of: LetterFilter {
                job_type: job_type.map(|name| read_type(&name)).transpose()?,
                kind: kind.map(|name| read_kind(&name)).transpose()?,
            },
            since: query.optional("since", TIME)?.map(Millis),
            until: query.optional("until", TIME)?.map(Millis),
        })
    }
}

pub(super) const TIME: &str = "a time in milliseconds since 1970";

pub(super) fn read_type(name: &str) -> Result<JobType, ApiError> {
    name.parse().map_err(|error: UnknownJobType| ApiError::invalid("unknown_type", error.to_string()))
}

pub(super) fn read_kind(name: &str) -> Result<FailureKind, ApiError> {
    FailureKind::parse(name).ok_or_else(|| {
        let name: String = name.chars().take(64).collect();
        let known = FailureKind::ALL.map(FailureKind::as_str).join(", ");
        ApiError::invalid("invalid_field", format!("errorKind {name:?} is not one of {known}"))
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    died_at: Millis,
    job: Box<RawValue>,
}

/// `cursor` is there while others may follow, also behind a page that is short or empty because few were of the kind asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    dead_letters: Vec<Listed>,
    cursor: Option<String>,
}

async fn list(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    let mut query = Query::of(&request)?;
    let filter = Filter::of_query(&mut query)?;
    let limit = query.optional("limit", "a number from 1 to 100")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("invalid_field", format!("limit is {limit}, expected a number from 1 to 100")));
    }
    let cursor: Option<String> = query.cursor();
    query.finish("type, errorKind, since, until, limit or cursor")?;
    let Page { letters, cursor } = page(&app, &filter, limit, cursor.as_deref()).await?;
    let dead_letters = letters.iter().map(listed).collect();
    Ok(reply::json(StatusCode::OK, &List { dead_letters, cursor }))
}

/// A page of the dead letters of a filter, the newest first.
pub(in crate::http) struct Page {
    pub(in crate::http) letters: Vec<DeadLetter>,
    /// Where the next one begins, while others may follow.
    pub(in crate::http) cursor: Option<String>,
}

/// Reads up to `limit` dead letters behind a cursor of the same filter.
pub(in crate::http) async fn page(
    app: &App,
    filter: &Filter,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page, ApiError> {
    let scope = filter.scope(app, "list");
    let cursor = cursor.map(|text| Cursor::read(text, &scope)).transpose()?;
    let mut range = LetterRange {
        order: LetterOrder::Newest,
        since: filter.since,
        before: filter.until,
        after: cursor.map(|cursor| cursor.place),
    };
    let queue = app.queue()?;
    let mut found = Page { letters: Vec::new(), cursor: None };
    let (filter, filtered) = (filter.of, !filter.of.is_open());
    let mut looked_at = 0;
    loop {
        let missing = limit - found.letters.len();
        let page = queue.dead_letters(&range, if filtered { MAX_STEP_LETTERS } else { missing }).await?;
        looked_at += MAX_STEP_LETTERS;
        let full = page.letters.iter().filter(|letter| filter.matches(letter)).nth(missing.saturating_sub(1));
        // A page may hold more than are missing: the list then ends in its middle.
        let end = full.map_or(page.last.clone(), |letter| Some(letter.place()));
        let ends_early = end != page.last;
        found.letters.extend(page.letters.into_iter().filter(|letter| filter.matches(letter)).take(missing));
        let more = page.more || ends_early;
        range.after = end.or(range.after);
        let enough = found.letters.len() >= limit || looked_at >= MAX_LOOKED_AT;
        if !more || enough {
            let place = range.after.filter(|_| more);
            found.cursor = place.map(|place| Cursor { place, before: Millis(0) }.write(&scope));
            return Ok(found);
        }
    }
}

fn listed(letter: &DeadLetter) -> Listed {
    let job = RawValue::from_string(letter.document.shown().to_json()).unwrap_or_else(|_| RawValue::NULL.to_owned());
    Listed { died_at: letter.died_at, job }
}
