//! `POST /api/jobs/enqueue`: one job or many, all of them or none.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;

use crate::admission::RequestKey;
use crate::app::App;
use crate::auth;
use crate::domain::id::{DedupeKey, JobId, ParseIdError};
use crate::domain::job::{Due, JobOptions, JobType, NewJob};
use crate::domain::limits::{MAX_ENQUEUE_BYTES, MAX_ENQUEUE_JOBS};
use crate::domain::millis::Millis;
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, Route, reply};
use crate::queue::{EnqueueError, Enqueued};

/// `POST /api/jobs/enqueue`
pub static ENQUEUE: Route =
    Route::new("jobs-enqueue", "/api/jobs/enqueue", &[(Method::POST, |app, request| Box::pin(enqueue(app, request)))])
        .taking(MAX_ENQUEUE_BYTES);

/// What a caller is told whose jobs may be stored, and who named none of them.
const TWICE: &str = "the store gave no answer; the jobs may have been enqueued, and repeating the request may enqueue them twice: \
    send each with a dedupeKey, or the request with an Idempotency-Key, and it is safe to repeat";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    job_id: JobId,
    duplicate: bool,
}

async fn enqueue(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    let (bodies, many) = Fields::of_one_or_many(&request.body)?;
    if !(1..=MAX_ENQUEUE_JOBS).contains(&bodies.len()) {
        return Err(ApiError::invalid("invalid_count", EnqueueError::Count(bodies.len()).to_string()));
    }
    let key = header_key(&request)?;
    let key_of = |index: usize| match &key {
        Some(key) if many => indexed(key, index).map(Some),
        key => Ok(key.clone()),
    };
    let queue = app.queue()?;
    let now = app.clock().now();
    let jobs = bodies.into_iter().enumerate().map(|(index, body)| job(&app, &request, body, now, || key_of(index)));
    let jobs: Vec<NewJob> = jobs.collect::<Result<_, _>>()?;
    let enqueued = queue.enqueue(&jobs).await.map_err(|error| {
        let is_keyed = jobs.iter().all(|job| job.document.dedupe_key.is_some());
        if is_keyed { error.into() } else { ApiError::from(error).may_do_twice(TWICE) }
    })?;
    let mut answers: Vec<Answer> = enqueued.into_iter().map(Answer::from).collect();
    match answers.pop() {
        Some(only) if !many => Ok(reply::json(StatusCode::CREATED, &only)),
        last => {
            answers.extend(last);
            Ok(reply::json(StatusCode::CREATED, &answers))
        }
    }
}

/// Makes a job of its fields; `key` is what stands for a dedupe key where it names none.
fn job(
    app: &App,
    request: &Request,
    mut body: Fields,
    now: Millis,
    key: impl FnOnce() -> Result<Option<DedupeKey>, ApiError>,
) -> Result<NewJob, ApiError> {
    let job_type: String = body.required("type", "a job type")?;
    let job_type: JobType = job_type
        .parse()
        .map_err(|error: crate::domain::job::UnknownJobType| body.invalid("unknown_type", error.to_string()))?;
    let payload = body.raw("payload")?;
    let options = JobOptions {
        dedupe_key: dedupe_key(&mut body)?.map_or_else(key, |own| Ok(Some(own)))?,
        max_attempts: body.optional("maxAttempts", "a number from 1 to 25")?,
        due: due(&mut body)?,
        traceparent: request.traceparent().map(str::to_owned),
    };
    let made = NewJob::new(app.dice().job_id(now), job_type, payload, now, options);
    let made = made.map_err(|error| body.invalid("invalid_job", error.to_string()))?;
    body.finish("type, payload, dedupeKey, maxAttempts, delayMs or runAt")?;
    Ok(made)
}

/// Reads the header `Idempotency-Key`: it stands for the dedupe key of a job that has none, and is of the same form.
fn header_key(request: &Request) -> Result<Option<DedupeKey>, ApiError> {
    let value = request.headers.get("idempotency-key").map(|value| String::from_utf8_lossy(value.as_bytes()));
    value.map(|value| DedupeKey::parse(RequestKey::bare(&value)).map_err(|error| not_a_key(&error))).transpose()
}

/// Returns what stands for the dedupe key of one of many jobs: its place is part of it, so that they are no duplicates of each other.
fn indexed(key: &DedupeKey, index: usize) -> Result<DedupeKey, ApiError> {
    DedupeKey::parse(format!("{key}:{index}")).map_err(|error| not_a_key(&error))
}

fn not_a_key(error: &ParseIdError) -> ApiError {
    ApiError::invalid("idempotency_key_invalid", format!("Idempotency-Key: {error}"))
}

fn dedupe_key(body: &mut Fields) -> Result<Option<DedupeKey>, ApiError> {
    let key: Option<String> = body.optional("dedupeKey", "a text")?;
    let key = key.map(DedupeKey::parse).transpose();
    key.map_err(|error| body.invalid("invalid_field", format!("dedupeKey: {error}")))
}

fn due(body: &mut Fields) -> Result<Due, ApiError> {
    let delay: Option<u64> = body.optional("delayMs", "a number of milliseconds, 0 or more")?;
    let at: Option<u64> = body.optional("runAt", "a time in milliseconds since 1970")?;
    match (delay, at) {
        (Some(_), Some(_)) => {
            Err(body.invalid("invalid_field", "delayMs and runAt are both set; expected one of them"))
        }
        (Some(delay), None) => Ok(Due::After(Duration::from_millis(delay))),
        (None, Some(at)) => Ok(Due::At(Millis(i64::try_from(at).unwrap_or(i64::MAX)))),
        (None, None) => Ok(Due::Now),
    }
}

impl From<Enqueued> for Answer {
    fn from(enqueued: Enqueued) -> Self {
        let duplicate = matches!(enqueued, Enqueued::Duplicate(_));
        Self { job_id: enqueued.id().clone(), duplicate }
    }
}

impl From<EnqueueError> for ApiError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Upstash(error) => error.into(),
            EnqueueError::Count(_) | EnqueueError::TooLarge(_) => Self::invalid("invalid_count", error.to_string()),
        }
    }
}
