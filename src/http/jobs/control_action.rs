//! What is set at `/api/jobs/control`: pause, resume, limits, recovery, the attempts of one job, and an address written to again.

use std::time::Duration;

use super::dead_letter::read_type;
use super::{control, suppressed};
use crate::app::App;
use crate::auth;
use crate::domain::control::{MAX_CONCURRENCY, Rate, Rule, Scope};
use crate::domain::id::JobId;
use crate::domain::job::JobType;
use crate::domain::limits::MAX_MAX_ATTEMPTS;
use crate::http::extract::Fields;
use crate::http::{ApiError, Request, Response, record, reply};
use crate::queue::MaxAttemptsSet;
use http::StatusCode;

const ACTIONS: &str = "pause, resume, limit-rate, limit-concurrency, unlimit, recovery-on, recovery-off, reset-recovery, set-max-attempts, unsuppress";

/// `POST /api/jobs/control`
pub(super) async fn act(app: App, request: Request) -> Result<Response, ApiError> {
    auth::processor(app.config(), request.credentials())?;
    let mut body = Fields::of_body(&request.body)?;
    let action: String = body.required("action", ACTIONS)?;
    let rules = match action.as_str() {
        "pause" => vec![Rule::Paused(scope(&mut body)?, true)],
        "resume" => vec![Rule::Paused(scope(&mut body)?, false)],
        "recovery-on" => vec![Rule::Recovery(scope(&mut body)?, true)],
        "recovery-off" => vec![Rule::Recovery(scope(&mut body)?, false)],
        "limit-rate" => vec![Rule::Rate(job_type(&mut body)?, Some(rate(&mut body)?))],
        "limit-concurrency" => vec![Rule::Concurrency(job_type(&mut body)?, Some(concurrency(&mut body)?))],
        "unlimit" => {
            let job_type = job_type(&mut body)?;
            vec![Rule::Rate(job_type, None), Rule::Concurrency(job_type, None)]
        }
        "reset-recovery" => return reset_recovery(&app, &request, body).await,
        "unsuppress" => return suppressed::lift(&app, &request, body).await,
        "set-max-attempts" => return set_max_attempts(&app, &request, body).await,
        other => {
            let other: String = other.chars().take(64).collect();
            let detail = format!("action {other:?} is not one of {ACTIONS}");
            return Err(body.invalid("unknown_action", detail));
        }
    };
    body.finish("action, type or all, jobs, periodMs")?;
    let queue = app.queue()?;
    queue.set_rules(&rules, &record::operator(&app, &request)).await?;
    control::answer(&queue).await
}

fn job_type(body: &mut Fields) -> Result<JobType, ApiError> {
    let name: String = body.required("type", "a job type")?;
    read_type(&name)
}

fn scope(body: &mut Fields) -> Result<Scope, ApiError> {
    let all: Option<bool> = body.optional("all", "true")?;
    let name: Option<String> = body.optional("type", "a job type")?;
    match (all, name) {
        (Some(true), None) => Ok(Scope::All),
        (None | Some(false), Some(name)) => Ok(Scope::Type(read_type(&name)?)),
        _ => Err(body.invalid("invalid_field", "expected one of type, or all as true")),
    }
}

fn rate(body: &mut Fields) -> Result<Rate, ApiError> {
    let jobs: u32 = body.required("jobs", "a number from 1 to 1000")?;
    let period_ms: u64 = body.required("periodMs", "a number of milliseconds from 1 to 86400000")?;
    let expected = "expected 1 to 1000 jobs in 1 to 86400000 ms";
    let wrong = || body.invalid("invalid_field", format!("{jobs} jobs in {period_ms} ms is no rate; {expected}"));
    Rate::new(jobs, Duration::from_millis(period_ms)).ok_or_else(wrong)
}

fn concurrency(body: &mut Fields) -> Result<u32, ApiError> {
    let jobs: u32 = body.required("jobs", "a number from 1 to 10000")?;
    if (1..=MAX_CONCURRENCY).contains(&jobs) {
        return Ok(jobs);
    }
    Err(body.invalid("invalid_field", format!("jobs is {jobs}, expected a number from 1 to 10000")))
}

async fn reset_recovery(app: &App, request: &Request, mut body: Fields) -> Result<Response, ApiError> {
    let job_type = job_type(&mut body)?;
    body.finish("action or type")?;
    let queue = app.queue()?;
    queue.reset_recovery(job_type, &record::operator(app, request)).await?;
    control::answer(&queue).await
}

async fn set_max_attempts(app: &App, request: &Request, mut body: Fields) -> Result<Response, ApiError> {
    let id: String = body.required("id", "a job id")?;
    let id = JobId::parse(id).map_err(|error| body.invalid("invalid_id", error.to_string()))?;
    let max_attempts: u32 = body.required("maxAttempts", "a number from 1 to 25")?;
    if !(1..=MAX_MAX_ATTEMPTS).contains(&max_attempts) {
        let detail = format!("maxAttempts is {max_attempts}, expected a number from 1 to 25");
        return Err(body.invalid("invalid_field", detail));
    }
    body.finish("action, id or maxAttempts")?;
    let queue = app.queue()?;
    match queue.set_max_attempts(&id, max_attempts, &record::operator(app, request)).await? {
        MaxAttemptsSet::Done => {
            let view = queue.status(&id).await?;
            Ok(reply::json_bytes(StatusCode::OK, view.map_or_else(String::new, |view| view.document.shown().to_json())))
        }
        MaxAttemptsSet::Processing => Err(ApiError::conflict(
            "job_processing",
            "a processor is working on the job; it may be asked again afterwards",
        )),
        MaxAttemptsSet::Over(status) => {
            let detail = format!("the job's life is over: its status is {}", status.as_str());
            Err(ApiError::conflict("job_over", detail))
        }
        MaxAttemptsSet::UnknownJob => Err(ApiError::not_found("unknown_job", "there is no such job")),
    }
}
