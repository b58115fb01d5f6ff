//! The audit record of what a request changes.

use super::{ApiError, Request};
use crate::app::App;
use crate::domain::job::NewJobError;
use crate::queue::{Caller, Recorder};

/// Makes the recorder of what a request changes.
pub(super) fn recorder(app: &App, request: &Request, caller: Caller) -> Recorder {
    app.recorder(caller, &request.id, request.traceparent().map(str::to_owned))
}

/// Makes the recorder of what a request with the processor's token changes.
pub(super) fn operator(app: &App, request: &Request) -> Recorder {
    recorder(app, request, Caller::operator("api"))
}

/// A record that is larger than a job may be.
pub(super) fn too_large(error: &NewJobError) -> ApiError {
    ApiError::invalid("invalid_job", error.to_string())
}
