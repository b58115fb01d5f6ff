//! `/api/jobs/control`: what operators decide while it runs, the jobs that wait for their time, and the addresses not written to.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;

use super::cursor::Cursor;
use super::{control_action, suppressed};
use crate::app::App;
use crate::auth;
use crate::domain::control::{Rate, Rules};
use crate::domain::id::JobId;
use crate::domain::job::JobType;
use crate::domain::limits::MAX_RECOVERED_DEATHS;
use crate::domain::millis::Millis;
use crate::http::query::Query;
use crate::http::{ApiError, Request, Response, Route, reply};
use crate::queue::{ControlView, DelayedPlace, LetterPlace, Queue};

/// `GET` and `POST /api/jobs/control`
pub static CONTROL: Route = Route::new(
    "jobs-control",
    "/api/jobs/control",
    &[
        (Method::GET, |app, request| Box::pin(show(app, request))),
        (Method::POST, |app, request| Box::pin(control_action::act(app, request))),
    ],
);

/// Timers looked at for a page of delayed jobs where the caller names no number.
const DEFAULT_LIMIT: u32 = 100;

async fn show(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    let mut query = Query::of(&request)?;
    let list: Option<String> = query.optional("list", "delayed or suppressed")?;
    match list.as_deref() {
        None => {
            query.finish("list")?;
            answer(&app.queue()?).await
        }
        Some("delayed") => delayed(&app, query).await,
        Some("suppressed") => suppressed::list(&app, query).await,
        Some(_) => Err(ApiError::invalid("invalid_field", "list is not delayed or suppressed")),
    }
}

/// Answers with all that is set.
pub(super) async fn answer(queue: &Queue) -> Result<Response, ApiError> {
    Ok(reply::json(StatusCode::OK, &Control::from(queue.control().await?)))
}

#[derive(Serialize)]
struct Control {
    paused: bool,
    recovery: bool,
    types: BTreeMap<JobType, OfType>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfType {
    paused: bool,
    rate: Option<RateView>,
    concurrency: Option<u32>,
    recovery: bool,
    /// Recovered jobs that died again with no completion between.
    died_again: u64,
    /// Whether these are so many that no more come back by themselves.
    recovery_stopped: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RateView {
    jobs: u32,
    period_ms: u64,
}

impl From<Rate> for RateView {
    fn from(rate: Rate) -> Self {
        Self { jobs: rate.jobs, period_ms: ms(rate.period) }
    }
}

impl From<ControlView> for Control {
    fn from(view: ControlView) -> Self {
        let ControlView { rules, died_again } = view;
        let of_type = |job_type| (job_type, OfType::new(&rules, &died_again, job_type));
        let types = JobType::ALL.map(of_type).into();
        Self { paused: rules.paused, recovery: !rules.recovery_off, types }
    }
}

impl OfType {
    fn new(rules: &Rules, died_again: &BTreeMap<JobType, u64>, job_type: JobType) -> Self {
        let set = rules.types.get(&job_type).copied().unwrap_or_default();
        let died_again = died_again.get(&job_type).copied().unwrap_or(0);
        Self {
            paused: rules.paused || set.paused,
            rate: set.rate.map(RateView::from),
            concurrency: set.concurrency,
            recovery: rules.recovers(job_type),
            died_again,
            recovery_stopped: died_again >= MAX_RECOVERED_DEATHS,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delayed {
    id: JobId,
    #[serde(rename = "type")]
    job_type: JobType,
    due: Millis,
    attempts: u32,
}

#[derive(Serialize)]
struct DelayedList {
    delayed: Vec<Delayed>,
    cursor: Option<String>,
}

async fn delayed(app: &App, mut query: Query) -> Result<Response, ApiError> {
    let limit = query.optional("limit", "a number from 1 to 500")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=500).contains(&limit) {
        return Err(ApiError::invalid("invalid_field", format!("limit is {limit}, expected a number from 1 to 500")));
    }
    let cursor: Option<String> = query.cursor();
    query.finish("list, limit or cursor")?;
    let scope = format!("{} delayed", app.config().key_prefix.as_deref().unwrap_or_default());
    let after = cursor.map(|text| read_place(&text, &scope)).transpose()?;
    let page = app.queue()?.delayed(after.as_ref(), limit).await?;
    let of = |job: crate::queue::DelayedJob| Delayed {
        id: job.id,
        job_type: job.job_type,
        due: job.due,
        attempts: job.attempts,
    };
    let cursor = page.next.and_then(|place| write_place(&place, &scope));
    Ok(reply::json(StatusCode::OK, &DelayedList { delayed: page.jobs.into_iter().map(of).collect(), cursor }))
}

/// A timer's name is `{type}/{id}`; in a cursor it stands as `{type}:{id}`, which is of an id's form.
fn write_place(place: &DelayedPlace, scope: &str) -> Option<String> {
    let id = JobId::parse(place.timer.replacen('/', ":", 1)).ok()?;
    let place = LetterPlace { died_at: place.at, id };
    Some(Cursor { place, before: Millis(0) }.write(scope))
}

fn read_place(text: &str, scope: &str) -> Result<DelayedPlace, ApiError> {
    let place = Cursor::read(text, scope)?.place;
    Ok(DelayedPlace { at: place.died_at, timer: place.id.as_str().replacen(':', "/", 1) })
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
