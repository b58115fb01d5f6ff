//! The route of what operators decide.

#![allow(dead_code, reason = "only the forms are used: the macros make the document of them")]

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::jobs::Job;
use super::problem::{Anyone, Operators, Problem};
use super::words::JobType;

/// What is to be seen.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ControlQuery {
    /// The jobs that wait for their time, or the addresses that are not written to, instead of what is set.
    #[param(inline)]
    list: Option<List>,
    /// Of a list.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Of a list: the last answer's.
    cursor: Option<String>,
}

/// What there is a list of.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum List {
    Delayed,
    Suppressed,
}

/// What operators have set.
#[derive(Deserialize, ToSchema)]
pub(super) struct Control {
    /// Whether everything is paused.
    paused: bool,
    /// Whether dead letters may come back by themselves.
    recovery: bool,
    types: BTreeMap<String, ControlOfType>,
}

/// What operators have set for a type.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ControlOfType {
    paused: bool,
    #[schema(required)]
    rate: Option<Rate>,
    /// Most that run at once.
    #[schema(required)]
    concurrency: Option<u32>,
    recovery: bool,
    /// Recovered jobs that died again with no completion between.
    died_again: u64,
    /// Whether these are so many that no more come back.
    recovery_stopped: bool,
}

/// So many jobs in any period of this length.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Rate {
    jobs: u32,
    period_ms: u64,
}

/// A job that waits for its time.
#[derive(Deserialize, ToSchema)]
pub(super) struct DelayedJob {
    id: String,
    #[schema(rename = "type")]
    job_type: JobType,
    due: i64,
    attempts: u32,
}

/// Jobs that wait for their time, the next first.
#[derive(Deserialize, ToSchema)]
pub(super) struct DelayedJobs {
    delayed: Vec<DelayedJob>,
    #[schema(required)]
    cursor: Option<String>,
}

/// An address that is not written to.
#[derive(Deserialize, ToSchema)]
pub(super) struct SuppressedAddress {
    /// The address' hash: the address itself is not kept.
    address: String,
    reason: SuppressionReason,
    /// Until then, in ms; for good where null.
    #[schema(required)]
    until: Option<i64>,
}

/// Why an address is not written to.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum SuppressionReason {
    Bounced,
    Complained,
}

/// Addresses that are not written to.
#[derive(Deserialize, ToSchema)]
pub(super) struct SuppressedAddresses {
    suppressed: Vec<SuppressedAddress>,
    #[schema(required)]
    cursor: Option<String>,
}

/// The address that is written to again.
#[derive(Deserialize, ToSchema)]
pub(super) struct Lifted {
    /// Its hash.
    lifted: String,
}

/// What is set, or the list that was asked for.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ControlAnswer {
    Control(Control),
    Delayed(DelayedJobs),
    Suppressed(SuppressedAddresses),
}

/// What is set, the job that was changed, or the address that is written to again.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ControlChanged {
    Control(Control),
    Job(Box<Job>),
    Lifted(Lifted),
}

/// What is to be set. Takes effect at the next claim and costs no attempts. Where both are possible, exactly one of `type` and `all` says of what.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"action": "pause", "type": "send_release_email"}))]
pub(super) enum ControlRequest {
    Pause {
        #[schema(rename = "type")]
        job_type: Option<JobType>,
        all: Option<bool>,
    },
    Resume {
        #[schema(rename = "type")]
        job_type: Option<JobType>,
        all: Option<bool>,
    },
    LimitRate {
        #[schema(rename = "type")]
        job_type: JobType,
        #[schema(minimum = 1, maximum = 1_000)]
        jobs: u32,
        #[schema(minimum = 1, maximum = 86_400_000)]
        period_ms: u64,
    },
    LimitConcurrency {
        #[schema(rename = "type")]
        job_type: JobType,
        #[schema(minimum = 1, maximum = 10_000)]
        jobs: u32,
    },
    Unlimit {
        #[schema(rename = "type")]
        job_type: JobType,
    },
    RecoveryOn {
        #[schema(rename = "type")]
        job_type: Option<JobType>,
        all: Option<bool>,
    },
    RecoveryOff {
        #[schema(rename = "type")]
        job_type: Option<JobType>,
        all: Option<bool>,
    },
    ResetRecovery {
        #[schema(rename = "type")]
        job_type: JobType,
    },
    SetMaxAttempts {
        #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
        id: String,
        #[schema(minimum = 1, maximum = 25)]
        max_attempts: u32,
    },
    /// Exactly one of them names the address.
    Unsuppress {
        #[schema(format = Email, max_length = 254)]
        email: Option<String>,
        /// Its hash, as the list shows it.
        #[schema(pattern = "^[0-9a-f]{64}$")]
        address: Option<String>,
    },
}

/// Shows what is set, the delayed jobs, or the addresses that are not written to.
#[utoipa::path(get, path = "/api/jobs/control", tag = "operation", operation_id = "showControl", params(ControlQuery), security(("processor" = [])),
    responses((status = 200, description = "What is set, or the list", body = ControlAnswer),
    (status = 401, description = "No processor token, or another one", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "A parameter is not of its form", body = Problem, content_type = "application/problem+json"), Anyone))]
pub(super) fn show() {}

/// Pauses, resumes, limits; switches recovery; sets the attempts of one job; lets an address be written to again.
#[utoipa::path(post, path = "/api/jobs/control", tag = "operation", operation_id = "changeControl", request_body = ControlRequest,
    security(("processor" = [])), responses((status = 200, description = "What is set now, or the job", body = ControlChanged),
    (status = 404, description = "There is no such job, or the address is written to", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "A processor holds the job, or its life is over", body = Problem, content_type = "application/problem+json"),
    Operators, Anyone))]
pub(super) fn change() {}
