//! The route of the dead letters.

#![allow(dead_code, reason = "only the forms are used: the macros make the document of them")]

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::jobs::Job;
use super::problem::{Anyone, Operators, Problem};
use super::words::{FailureKind, JobType};

/// Which dead letters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct DeadLetterQuery {
    #[param(rename = "type")]
    job_type: Option<JobType>,
    error_kind: Option<FailureKind>,
    /// Died then or later, in ms.
    since: Option<i64>,
    /// Died before then, in ms.
    until: Option<i64>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The last answer's; the other parameters must be the same.
    cursor: Option<String>,
}

/// A page of dead letters, newest first.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct DeadLetters {
    dead_letters: Vec<DeadLetter>,
    /// There while others may follow.
    #[schema(required)]
    cursor: Option<String>,
}

/// A dead letter.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct DeadLetter {
    died_at: i64,
    job: Job,
}

/// What is done with dead letters. Exactly one of `ids`, `type` and `all` names which.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"action": "redrive", "all": true}))]
pub(super) enum DeadLetterRequest {
    /// Brings them back with fresh attempts.
    Redrive {
        #[schema(min_items = 1, max_items = 100)]
        ids: Option<Vec<String>>,
        all: Option<bool>,
        #[schema(rename = "type")]
        job_type: Option<JobType>,
        error_kind: Option<FailureKind>,
        since: Option<i64>,
        until: Option<i64>,
        #[schema(minimum = 1, maximum = 1_000)]
        limit: Option<u32>,
        cursor: Option<String>,
    },
    /// Throws them away.
    Discard {
        #[schema(min_items = 1, max_items = 100)]
        ids: Option<Vec<String>>,
        all: Option<bool>,
        #[schema(rename = "type")]
        job_type: Option<JobType>,
        error_kind: Option<FailureKind>,
        since: Option<i64>,
        until: Option<i64>,
        #[schema(minimum = 1, maximum = 1_000)]
        limit: Option<u32>,
        cursor: Option<String>,
    },
    /// Gives one another payload.
    Edit {
        #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
        id: String,
        #[schema(value_type = Object)]
        payload: (),
    },
}

/// How many were changed, and where to go on.
#[derive(Deserialize, ToSchema)]
pub(super) struct DeadLettersChanged {
    done: u64,
    /// Changed by somebody else in between.
    skipped: u64,
    /// Whether the same request with `cursor` goes on.
    more: bool,
    #[schema(required)]
    cursor: Option<String>,
}

/// Of a redrive or discard, how many; of an edit, the job.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum DeadLetterAnswer {
    Changed(DeadLettersChanged),
    Edited(Box<Job>),
}

/// Lists dead letters, newest first.
#[utoipa::path(get, path = "/api/jobs/dead-letter", tag = "operation", operation_id = "listDeadLetters", params(DeadLetterQuery),
    security(("processor" = [])), responses((status = 200, description = "A page of them", body = DeadLetters),
    (status = 401, description = "No processor token, or another one", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "A parameter is not of its form", body = Problem, content_type = "application/problem+json"), Anyone))]
pub(super) fn list() {}

/// Redrives, discards or edits dead letters.
#[utoipa::path(post, path = "/api/jobs/dead-letter", tag = "operation", operation_id = "changeDeadLetters", request_body = DeadLetterRequest,
    security(("processor" = [])), responses((status = 200, description = "What was done", body = DeadLetterAnswer),
    (status = 409, description = "Not all of them are dead letters, or somebody else changes them: nothing was changed", body = Problem,
    content_type = "application/problem+json"), Operators, Anyone))]
pub(super) fn change() {}
