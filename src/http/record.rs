//! The audit record of an operator's change: a job like any other, enqueued in the change's own step.

use serde_json::Value;
use serde_json::json;
use serde_json::value::to_raw_value;

use super::{ApiError, Request};
use crate::app::App;
use crate::domain::job::{JobOptions, JobType, NewJob};

/// Makes the job that records `event`, asked for by `request`, with what it was about.
pub(super) fn of(app: &App, request: &Request, event: &str, about: &Value) -> Result<NewJob, ApiError> {
    let now = app.clock().now();
    let data =
        json!({"eventData": {"event": event, "by": "operator", "requestId": request.id, "at": now, "about": about}});
    let payload = to_raw_value(&data).map_err(|_| ApiError::internal())?;
    let options = JobOptions { traceparent: request.traceparent().map(str::to_owned), ..JobOptions::default() };
    let job = NewJob::new(app.dice().job_id(now), JobType::AuditLogCreated, payload, now, options);
    job.map_err(|error| ApiError::invalid("invalid_job", error.to_string()))
}
