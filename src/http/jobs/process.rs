//! `/api/jobs/process`: the processor, for operators, crons and schedules; statistics for operators.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde::Serialize;

use super::alerts;
use crate::app::App;
use crate::auth::{self, ProcessorCaller};
use crate::domain::job::{JobType, UnknownJobType};
use crate::domain::limits::{DEFAULT_CLAIM_LIMIT, MAX_CLAIM_LIMIT};
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, Route, Sender, reply};
use crate::processor::{BatchRequest, TimeBox};

/// `GET` and `POST /api/jobs/process`
pub static PROCESS: Route = Route::new(
    "jobs-process",
    "/api/jobs/process",
    &[
        (Method::GET, |app, request| Box::pin(cron_or_statistics(app, request))),
        (Method::POST, |app, request| Box::pin(process(app, request))),
    ],
);

/// What is to be worked off.
struct Action {
    types: Vec<JobType>,
    limit: u32,
    until_empty: bool,
}

impl Action {
    /// What a cron asks for, which cannot say more.
    fn everything() -> Self {
        Self { types: JobType::ALL.to_vec(), limit: DEFAULT_CLAIM_LIMIT, until_empty: true }
    }
}

/// Vercel Cron sends GET and nothing else: with its secret a batch is run. With the operator's token, statistics are shown.
async fn cron_or_statistics(app: App, request: Request) -> Result<Response, ApiError> {
    match auth::processor_or_cron(app.config(), request.credentials())? {
        ProcessorCaller::Cron => run(&app, &request, Action::everything()).await,
        ProcessorCaller::Operator => statistics(&app).await,
    }
}

async fn process(app: App, request: Request) -> Result<Response, ApiError> {
    if request.sender == Sender::Schedule {
        return run(&app, &request, Action::everything()).await;
    }
    let action = match auth::processor_or_cron(app.config(), request.credentials())? {
        ProcessorCaller::Cron => Action::everything(),
        ProcessorCaller::Operator => action(&request)?,
    };
    run(&app, &request, action).await
}

fn action(request: &Request) -> Result<Action, ApiError> {
    let mut body = Fields::of_body(&request.body)?;
    let name: String = body.required("action", "process-batch, process-type or process-next")?;
    let limit: u32 = body.optional("limit", LIMIT)?.unwrap_or(DEFAULT_CLAIM_LIMIT);
    if !(1..=MAX_CLAIM_LIMIT).contains(&limit) {
        return Err(body.invalid("invalid_field", format!("limit is {limit}, expected {LIMIT}")));
    }
    let (action, known) = match name.as_str() {
        "process-batch" => (Action { types: types(&mut body)?, limit, until_empty: true }, "action, limit or types"),
        "process-type" => (Action { types: vec![job_type(&mut body)?], limit, until_empty: true }, OF_ONE_TYPE),
        "process-next" => (Action { types: vec![job_type(&mut body)?], limit: 1, until_empty: false }, OF_ONE_TYPE),
        other => {
            let other: String = other.chars().take(64).collect();
            let detail = format!("action {other:?} is not one of process-batch, process-type, process-next");
            return Err(body.invalid("unknown_action", detail));
        }
    };
    body.finish(known)?;
    Ok(action)
}

/// The fields of an action on one type.
const OF_ONE_TYPE: &str = "action, type or limit";

/// What a limit may be. The upper end is [`MAX_CLAIM_LIMIT`].
const LIMIT: &str = "a number from 1 to 250";

fn job_type(body: &mut Fields) -> Result<JobType, ApiError> {
    let name: String = body.required("type", "a job type")?;
    name.parse().map_err(|error: UnknownJobType| body.invalid("unknown_type", error.to_string()))
}

fn types(body: &mut Fields) -> Result<Vec<JobType>, ApiError> {
    let names: Option<Vec<String>> = body.optional("types", "a list of job types")?;
    let Some(names) = names else {
        return Ok(JobType::ALL.to_vec());
    };
    if names.is_empty() {
        return Err(body.invalid("invalid_field", "types is empty; expected at least one job type"));
    }
    let mut types = Vec::new();
    for name in names {
        let job_type = name.parse().map_err(|error: UnknownJobType| body.invalid("unknown_type", error.to_string()))?;
        if !types.contains(&job_type) {
            types.push(job_type);
        }
    }
    Ok(types)
}

async fn run(app: &App, request: &Request, action: Action) -> Result<Response, ApiError> {
    let (processor, workers) = (app.processor()?, app.workers()?);
    let length = app.config().time_box.clone()?;
    let batch = BatchRequest {
        types: action.types,
        limit: action.limit,
        time_box: TimeBox::before(request.deadline, app.clock().now(), length),
        until_empty: action.until_empty,
    };
    let report = processor
        .process_batch(&batch, move |attempt, document, payload| workers.clone().handle(attempt, document, payload))
        .await?;
    alerts::look(app, &report).await;
    let sums = report.all;
    tracing::info!(request.id = %request.id, processed = sums.processed, completed = sums.completed, retried = sums.retried, dead_lettered = sums.dead_lettered, released = sums.released, duration_ms = report.duration_ms, more = report.more, "processed {} jobs", sums.processed);
    Ok(reply::json(StatusCode::OK, &report))
}

/// The seed's flat object, type to ready jobs and `dead_letter`, and what else is worth knowing under names of its own.
#[derive(Serialize)]
struct Statistics {
    #[serde(flatten)]
    ready: BTreeMap<JobType, u64>,
    dead_letter: u64,
    processing: u64,
    waiting: u64,
    #[serde(rename = "processingByType")]
    processing_by_type: BTreeMap<JobType, u64>,
    #[serde(rename = "oldestDueAgeMs")]
    oldest_due_age_ms: Option<u64>,
    counters: BTreeMap<String, u64>,
}

async fn statistics(app: &App) -> Result<Response, ApiError> {
    let queue = app.queue()?;
    let stats = queue.stats().await?;
    let oldest = app.oldest_due(&queue).await?;
    let body = Statistics {
        ready: stats.ready,
        dead_letter: stats.dead_letters,
        processing: stats.in_flight.values().sum(),
        waiting: stats.waiting,
        processing_by_type: stats.in_flight,
        oldest_due_age_ms: oldest.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        counters: stats.counters,
    };
    Ok(reply::json(StatusCode::OK, &body))
}
