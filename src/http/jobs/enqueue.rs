//! `POST /api/jobs/enqueue`: one job or many, all of them or none.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;

use crate::app::App;
use crate::auth;
use crate::domain::id::{DedupeKey, JobId};
use crate::domain::job::{Due, JobOptions, JobType, NewJob};
use crate::domain::limits::MAX_ENQUEUE_JOBS;
use crate::domain::millis::Millis;
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, Route, reply};
use crate::queue::{EnqueueError, Enqueued};

/// `POST /api/jobs/enqueue`
pub static ENQUEUE: Route =
    Route::new("jobs-enqueue", "/api/jobs/enqueue", &[(Method::POST, |app, request| Box::pin(enqueue(app, request)))]);

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
    let queue = app.queue()?;
    let now = app.clock().now();
    let jobs: Vec<NewJob> = bodies.into_iter().map(|body| job(&app, &request, body, now)).collect::<Result<_, _>>()?;
    let enqueued = queue.enqueue(&jobs).await?;
    let mut answers: Vec<Answer> = enqueued.into_iter().map(Answer::from).collect();
    match answers.pop() {
        Some(only) if !many => Ok(reply::json(StatusCode::CREATED, &only)),
        last => {
            answers.extend(last);
            Ok(reply::json(StatusCode::CREATED, &answers))
        }
    }
}

fn job(app: &App, request: &Request, mut body: Fields, now: Millis) -> Result<NewJob, ApiError> {
    let job_type: String = body.required("type", "a job type")?;
    let job_type: JobType = job_type
        .parse()
        .map_err(|error: crate::domain::job::UnknownJobType| body.invalid("unknown_type", error.to_string()))?;
    let payload = body.raw("payload")?;
    let options = JobOptions {
        dedupe_key: dedupe_key(&mut body)?,
        max_attempts: body.optional("maxAttempts", "a number from 1 to 25")?,
        due: due(&mut body)?,
        traceparent: request.traceparent().map(str::to_owned),
    };
    let made = NewJob::new(app.dice().job_id(now), job_type, payload, now, options);
    let made = made.map_err(|error| body.invalid("invalid_job", error.to_string()))?;
    body.finish("type, payload, dedupeKey, maxAttempts, delayMs or runAt")?;
    Ok(made)
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
