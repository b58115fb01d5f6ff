//! What is done with dead letters: redrive, discard, edit.
//!
//! What is named by ids is changed whole or not at all. What is named by a type, or as all, is changed in steps: an answer says how many
//! were and where to go on, so that ten thousand need no call that takes minutes.

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::cursor::Cursor;
use super::dead_letter::{Filter, TIME, read_kind, read_type};
use crate::app::App;
use crate::auth;
use crate::domain::id::JobId;
use crate::domain::limits::{MAX_LOOKED_AT, MAX_STEP_LETTERS};
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, record, reply};
use crate::queue::{ChangeError, LetterFilter, LetterOrder, LetterRange, MAX_IDS, Recorder, TreatError, Treatment};

/// Dead letters changed in one step where the caller names no number. Chosen: ten calls to Redis, about a second.
const DEFAULT_LIMIT: usize = 500;

/// `more` says that the same request with `cursor` goes on; `skipped` are those that changed in between.
#[derive(Debug, Default, Serialize)]
pub(in crate::http) struct Answer {
    pub(in crate::http) done: usize,
    skipped: usize,
    pub(in crate::http) more: bool,
    cursor: Option<String>,
}

/// `POST /api/jobs/dead-letter`
pub(super) async fn act(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    let mut body = Fields::of_body(&request.body)?;
    let name: String = body.required("action", "redrive, discard or edit")?;
    match name.as_str() {
        "redrive" => redrive_or_discard(&app, &request, Treatment::Redrive, body).await,
        "discard" => redrive_or_discard(&app, &request, Treatment::Discard, body).await,
        "edit" => edit(&app, &request, body).await,
        other => {
            let other: String = other.chars().take(64).collect();
            let detail = format!("action {other:?} is not one of redrive, discard, edit");
            Err(body.invalid("unknown_action", detail))
        }
    }
}

async fn redrive_or_discard(
    app: &App,
    request: &Request,
    treatment: Treatment,
    mut body: Fields,
) -> Result<Response, ApiError> {
    let ids: Option<Vec<String>> = body.optional("ids", "a list of job ids")?;
    let all: Option<bool> = body.optional("all", "true")?;
    let job_type: Option<String> = body.optional("type", "a job type")?;
    if usize::from(ids.is_some()) + usize::from(all == Some(true)) + usize::from(job_type.is_some()) != 1 {
        return Err(body.invalid("invalid_field", "expected one of ids, type, or all as true"));
    }
    let answer = if let Some(ids) = ids {
        let ids = read_ids(&body, ids)?;
        body.finish("action, ids")?;
        app.queue()?.treat(treatment, &ids, &record::operator(app, request)).await?;
        Answer { done: ids.len(), ..Answer::default() }
    } else {
        let walk = Walk::read(app, treatment, job_type, body)?;
        walk.run(app, &record::operator(app, request)).await?
    };
    Ok(reply::json(StatusCode::OK, &answer))
}

fn read_ids(body: &Fields, texts: Vec<String>) -> Result<Vec<JobId>, ApiError> {
    let mut ids = Vec::new();
    for text in texts {
        let id = JobId::parse(text).map_err(|error| body.invalid("invalid_id", error.to_string()))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if !(1..=MAX_IDS).contains(&ids.len()) {
        let detail = format!("{} ids in one request, expected 1 to {MAX_IDS}", ids.len());
        return Err(body.invalid("invalid_count", detail));
    }
    Ok(ids)
}

/// A stretch of a walk through all dead letters, or those of a type.
pub(in crate::http) struct Walk {
    treatment: Treatment,
    filter: LetterFilter,
    limit: usize,
    range: LetterRange,
    scope: String,
}

impl Walk {
    fn read(app: &App, treatment: Treatment, job_type: Option<String>, mut body: Fields) -> Result<Self, ApiError> {
        let kind: Option<String> = body.optional("errorKind", "a sort of failure")?;
        let filter = Filter {
            of: LetterFilter {
                job_type: job_type.map(|name| read_type(&name)).transpose()?,
                kind: kind.map(|name| read_kind(&name)).transpose()?,
            },
            since: body.optional("since", TIME)?,
            until: body.optional("until", TIME)?,
        };
        let limit = body.optional("limit", "a number from 1 to 1000")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LOOKED_AT).contains(&limit) {
            return Err(body.invalid("invalid_field", format!("limit is {limit}, expected a number from 1 to 1000")));
        }
        let cursor: Option<String> = body.optional("cursor", "a text")?;
        body.finish("action, type or all, errorKind, since, until, limit or cursor")?;
        Self::new(app, treatment, &filter, limit, cursor.as_deref())
    }

    /// Makes the walk that goes on at a cursor of the same filter, or begins.
    pub(in crate::http) fn new(
        app: &App,
        treatment: Treatment,
        filter: &Filter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Self, ApiError> {
        let list = match treatment {
            Treatment::Redrive => "redrive",
            Treatment::Discard => "discard",
        };
        let scope = filter.scope(app, list);
        let cursor = cursor.map(|text| Cursor::read(text, &scope)).transpose()?;
        // What dies again while the steps go on is not met a second time.
        let begun_at = app.clock().now().plus(std::time::Duration::from_millis(1));
        let before = cursor.as_ref().map_or_else(|| filter.until.unwrap_or(begun_at), |cursor| cursor.before);
        let after = cursor.map(|cursor| cursor.place);
        let range = LetterRange { order: LetterOrder::Oldest, since: filter.since, before: Some(before), after };
        Ok(Self { treatment, filter: filter.of, limit, range, scope })
    }

    /// Goes as far as `limit` allows.
    pub(in crate::http) async fn run(mut self, app: &App, recorder: &Recorder) -> Result<Answer, ApiError> {
        let queue = app.queue()?;
        let mut answer = Answer::default();
        let mut looked_at = 0;
        loop {
            let missing = self.limit - answer.done;
            let step = queue.treat_page(self.treatment, self.filter, &self.range, missing, recorder).await;
            let step = step.map_err(|error| match error {
                ChangeError::Upstash(error) if looked_at > 0 => error.after_a_part().into(),
                error => error,
            })?;
            looked_at += MAX_STEP_LETTERS;
            answer.done += step.done;
            answer.skipped += step.skipped;
            answer.more = step.more;
            self.range.after = step.last.or(self.range.after);
            if !step.more || answer.done >= self.limit || looked_at >= MAX_LOOKED_AT {
                let before = self.range.before.unwrap_or_default();
                let place = self.range.after.filter(|_| step.more);
                answer.cursor = place.map(|place| Cursor { place, before }.write(&self.scope));
                return Ok(answer);
            }
        }
    }
}

async fn edit(app: &App, request: &Request, mut body: Fields) -> Result<Response, ApiError> {
    let id: String = body.required("id", "a job id")?;
    let id = JobId::parse(id).map_err(|error| body.invalid("invalid_id", error.to_string()))?;
    let payload: Box<RawValue> = body.raw("payload")?;
    body.finish("action, id or payload")?;
    let queue = app.queue()?;
    queue.edit_payload(&id, &payload, &record::operator(app, request)).await?;
    let view = queue.status(&id).await?;
    Ok(reply::json_bytes(StatusCode::OK, view.map_or_else(String::new, |view| view.document.shown().to_json())))
}

impl From<TreatError> for ApiError {
    fn from(error: TreatError) -> Self {
        let detail = error.to_string();
        match error {
            TreatError::NotDead(_) => Self::conflict("not_dead", detail),
            TreatError::Processing(_) => Self::conflict("job_processing", detail),
            TreatError::Restless => Self::conflict("changed_meanwhile", detail),
            TreatError::Payload(_) => Self::invalid("invalid_payload", detail),
            TreatError::Change(error) => error.into(),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Upstash(error) => error.into(),
            ChangeError::TooLarge { .. } => Self::invalid("invalid_count", format!("{error}; name fewer ids")),
            ChangeError::Record(error) => record::too_large(&error),
        }
    }
}
