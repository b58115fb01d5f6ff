//! What is done with dead letters: redrive, discard, edit.
//!
//! What is named by ids is changed whole or not at all. What is named by a type, or as all, is changed in steps: an answer says how many
//! were and where to go on, so that ten thousand need no call that takes minutes.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::cursor::Cursor;
use super::dead_letter::{Filter, TIME, read_kind, read_type};
use crate::app::App;
use crate::auth;
use crate::domain::id::JobId;
use crate::domain::job::NewJob;
use crate::domain::limits::{MAX_LOOKED_AT, MAX_STEP_LETTERS};
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, record, reply};
use crate::queue::{Change, ChangeError, Changed, DeadLetter, EditError, LetterOrder, LetterRange, MAX_IDS, Queue};

/// Dead letters changed in one step where the caller names no number. Chosen: ten calls to Redis, about a second.
const DEFAULT_LIMIT: usize = 500;

/// Times the dead letters are read again when one changed in between. Chosen: two operators at once are rare, four rarer.
const MAX_READS: u32 = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Redrive,
    Discard,
}

/// `more` says that the same request with `cursor` goes on; `skipped` are those that changed in between.
#[derive(Debug, Default, Serialize)]
struct Answer {
    done: usize,
    skipped: usize,
    more: bool,
    cursor: Option<String>,
}

/// `POST /api/jobs/dead-letter`
pub(super) async fn act(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    let mut body = Fields::of_body(&request.body)?;
    let name: String = body.required("action", "redrive, discard or edit")?;
    match name.as_str() {
        "redrive" => redrive_or_discard(&app, &request, Action::Redrive, body).await,
        "discard" => redrive_or_discard(&app, &request, Action::Discard, body).await,
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
    action: Action,
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
        by_ids(app, request, action, &ids).await?
    } else {
        let step = Step::read(app, action, job_type, body)?;
        step.run(app, request).await?
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

async fn by_ids(app: &App, request: &Request, action: Action, ids: &[JobId]) -> Result<Answer, ApiError> {
    let queue = app.queue()?;
    for _ in 0..MAX_READS {
        let letters = find(&queue, ids).await?;
        let change = Change { whole: true, record: Some(action.record(app, request, &letters)?) };
        let changed = action.apply(&queue, &letters, &change).await?;
        let of = |word| (0..ids.len()).filter(|n| changed[*n] == word).map(|n| ids[n].as_str()).collect::<Vec<_>>();
        if let [first, ..] = of(Changed::Processing)[..] {
            return Err(processing(first));
        }
        let not_dead = of(Changed::NotDead);
        if !not_dead.is_empty() {
            return Err(not_dead_letters(&not_dead));
        }
        if of(Changed::Meanwhile).is_empty() {
            return Ok(Answer { done: ids.len(), ..Answer::default() });
        }
    }
    Err(changes_all_the_time())
}

/// Finds dead letters, all of them or none.
async fn find(queue: &Queue, ids: &[JobId]) -> Result<Vec<DeadLetter>, ApiError> {
    let found = queue.dead_letters_of(ids).await?;
    let missing: Vec<&str> =
        ids.iter().zip(&found).filter(|(_, letter)| letter.is_none()).map(|(id, _)| id.as_str()).collect();
    if missing.is_empty() { Ok(found.into_iter().flatten().collect()) } else { Err(not_dead_letters(&missing)) }
}

/// A step through all dead letters, or those of a type.
struct Step {
    action: Action,
    filter: Filter,
    limit: usize,
    range: LetterRange,
    scope: String,
}

impl Step {
    fn read(app: &App, action: Action, job_type: Option<String>, mut body: Fields) -> Result<Self, ApiError> {
        let kind: Option<String> = body.optional("errorKind", "a sort of failure")?;
        let filter = Filter {
            job_type: job_type.map(|name| read_type(&name)).transpose()?,
            kind: kind.map(|name| read_kind(&name)).transpose()?,
            since: body.optional("since", TIME)?,
            until: body.optional("until", TIME)?,
        };
        let limit = body.optional("limit", "a number from 1 to 1000")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LOOKED_AT).contains(&limit) {
            return Err(body.invalid("invalid_field", format!("limit is {limit}, expected a number from 1 to 1000")));
        }
        let cursor: Option<String> = body.optional("cursor", "a text")?;
        body.finish("action, type or all, errorKind, since, until, limit or cursor")?;
        let scope = filter.scope(app, action.name());
        let cursor = cursor.map(|text| Cursor::read(&text, &scope)).transpose()?;
        // What dies again while the steps go on is not met a second time.
        let begun_at = app.clock().now().plus(std::time::Duration::from_millis(1));
        let before = cursor.as_ref().map_or_else(|| filter.until.unwrap_or(begun_at), |cursor| cursor.before);
        let after = cursor.map(|cursor| cursor.place);
        let range = LetterRange { order: LetterOrder::Oldest, since: filter.since, before: Some(before), after };
        Ok(Self { action, filter, limit, range, scope })
    }

    async fn run(mut self, app: &App, request: &Request) -> Result<Answer, ApiError> {
        let queue = app.queue()?;
        let mut answer = Answer::default();
        let mut looked_at = 0;
        loop {
            let missing = self.limit - answer.done;
            let page = queue.dead_letters(&self.range, MAX_STEP_LETTERS).await?;
            looked_at += MAX_STEP_LETTERS;
            let mut letters: Vec<DeadLetter> =
                page.letters.into_iter().filter(|letter| self.filter.matches(letter)).collect();
            let full = letters.len() > missing;
            letters.truncate(missing);
            let last = if full { letters.last().map(DeadLetter::place) } else { page.last };
            let more = page.more || full;
            if !letters.is_empty() {
                let record = self.action.record(app, request, &letters)?;
                let change = Change { whole: false, record: Some(record) };
                let changed = self.action.apply(&queue, &letters, &change).await?;
                let done = changed.iter().filter(|changed| **changed == Changed::Done).count();
                answer.done += done;
                answer.skipped += changed.len() - done;
            }
            self.range.after = last.or(self.range.after);
            answer.more = more;
            if !more || answer.done >= self.limit || looked_at >= MAX_LOOKED_AT {
                let before = self.range.before.unwrap_or_default();
                let place = self.range.after.filter(|_| more);
                answer.cursor = place.map(|place| Cursor { place, before }.write(&self.scope));
                return Ok(answer);
            }
        }
    }
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Discard => "discard",
        }
    }

    fn record(self, app: &App, request: &Request, letters: &[DeadLetter]) -> Result<NewJob, ApiError> {
        let event = match self {
            Self::Redrive => "dead_letters_redriven",
            Self::Discard => "dead_letters_discarded",
        };
        let ids: Vec<&str> = letters.iter().map(|letter| letter.document.id.as_str()).collect();
        record::of(app, request, event, &json!({"jobIds": ids}))
    }

    async fn apply(self, queue: &Queue, letters: &[DeadLetter], change: &Change) -> Result<Vec<Changed>, ChangeError> {
        match self {
            Self::Redrive => queue.redrive(letters, change).await,
            Self::Discard => queue.discard(letters, change).await,
        }
    }
}

async fn edit(app: &App, request: &Request, mut body: Fields) -> Result<Response, ApiError> {
    let id: String = body.required("id", "a job id")?;
    let ids = read_ids(&body, vec![id])?;
    let payload: Box<RawValue> = body.raw("payload")?;
    body.finish("action, id or payload")?;
    let queue = app.queue()?;
    for _ in 0..MAX_READS {
        let letters = find(&queue, &ids).await?;
        let record = record::of(app, request, "dead_letter_edited", &json!({"jobId": ids[0]}))?;
        match queue.edit(&letters[0], payload.clone(), Some(&record)).await? {
            Changed::Done => {
                let view = queue.status(&ids[0]).await?;
                let document = view.map_or_else(String::new, |view| view.document.to_json());
                return Ok(reply::json_bytes(StatusCode::OK, document));
            }
            Changed::Processing => return Err(processing(ids[0].as_str())),
            Changed::NotDead => return Err(not_dead_letters(&[ids[0].as_str()])),
            Changed::Meanwhile | Changed::Untouched => {}
        }
    }
    Err(changes_all_the_time())
}

fn not_dead_letters(ids: &[&str]) -> ApiError {
    let verb = if ids.len() == 1 { "is no dead letter" } else { "are no dead letters" };
    ApiError::conflict("not_dead", format!("{} {verb}; nothing was changed", ids.join(", ")))
}

fn processing(id: &str) -> ApiError {
    let detail = format!("a processor holds {id} just now; nothing was changed, it may be asked again afterwards");
    ApiError::conflict("job_processing", detail)
}

fn changes_all_the_time() -> ApiError {
    ApiError::conflict("changed_meanwhile", "someone else is changing these dead letters; nothing was changed")
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Upstash(error) => error.into(),
            ChangeError::TooLarge { .. } => Self::invalid("invalid_count", format!("{error}; name fewer ids")),
        }
    }
}

impl From<EditError> for ApiError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Upstash(error) => error.into(),
            EditError::Payload(error) => Self::invalid("invalid_payload", error.to_string()),
        }
    }
}
