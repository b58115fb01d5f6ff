//! The audit record of what a request changes.

use serde_json::Value;

use super::{ApiError, Request};
use crate::app::App;
use crate::domain::job::{NewJob, NewJobError};
use crate::queue::Recorder;

/// Makes the recorder of what a request changes.
pub(super) fn recorder(app: &App, request: &Request) -> Recorder {
    app.recorder(&request.id, request.traceparent().map(str::to_owned))
}

/// Makes the job that records `event`, asked for by `request`, with what it was about.
pub(super) fn of(app: &App, request: &Request, event: &str, about: &Value) -> Result<NewJob, ApiError> {
    recorder(app, request).record(event, about).map_err(|error| too_large(&error))
}

/// A record that is larger than a job may be.
pub(super) fn too_large(error: &NewJobError) -> ApiError {
    ApiError::invalid("invalid_job", error.to_string())
}
