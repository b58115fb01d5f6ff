//! The routes of the queue.

#![allow(
    dead_code,
    clippy::struct_field_names,
    clippy::enum_variant_names,
    reason = "only the forms are used: the macros make the document of them"
)]

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::problem::{Anyone, Operators, Problem};
use super::words::{FailureKind, JobStatus, JobType, MailStatus};

/// One job.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(rename_all = "camelCase", example = json!({"type": "send_release_email", "payload": {"transactionId": "esc-123",
    "recipientEmail": "user@example.com", "amount": 10000, "currency": "usd"}, "dedupeKey": "escrow-esc-123-release-email"}))]
pub(super) struct NewJob {
    #[schema(rename = "type")]
    job_type: JobType,
    /// What the worker of this type needs; at most 60 KiB.
    #[schema(value_type = Object)]
    payload: (),
    /// For an hour a second job of the type with the same key is a duplicate of the first.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
    dedupe_key: Option<String>,
    /// Attempts it gets; 3 where absent, webhooks 10.
    #[schema(minimum = 1, maximum = 25)]
    max_attempts: Option<u32>,
    /// Not before so many milliseconds from now; at most 366 days.
    #[schema(minimum = 0, maximum = 31_622_400_000_u64)]
    delay_ms: Option<u64>,
    /// Not before then, in ms; instead of `delayMs`.
    #[schema(minimum = 0)]
    run_at: Option<u64>,
}

/// Many jobs.
#[derive(Deserialize, ToSchema)]
#[schema(min_items = 1, max_items = 1_000)]
pub(super) struct NewJobs(Vec<NewJob>);

/// One job, or up to 1,000: all of them are enqueued, or none.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"type": "send_release_email", "payload": {"transactionId": "esc-123", "recipientEmail": "user@example.com",
    "amount": 10000, "currency": "usd"}, "dedupeKey": "escrow-esc-123-release-email"}))]
#[serde(untagged)]
pub(super) enum EnqueueRequest {
    One(NewJob),
    Many(NewJobs),
}

/// What became of a job that was to be enqueued.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct EnqueuedJob {
    /// The job's id; the first one's where it is a duplicate.
    job_id: String,
    duplicate: bool,
}

/// The answer has the form of the request.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum EnqueueAnswer {
    One(EnqueuedJob),
    Many(Vec<EnqueuedJob>),
}

/// A job as it is stored. Fields that another producer added are kept.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Job {
    id: String,
    #[schema(rename = "type")]
    job_type: JobType,
    /// As it came; null where it could not be read.
    payload: serde_json::Value,
    status: JobStatus,
    /// Attempts begun.
    attempt_count: u32,
    max_attempts: u32,
    /// Why the last attempt failed.
    #[schema(required)]
    last_error: Option<String>,
    #[schema(nullable = false)]
    error_kind: Option<FailureKind>,
    created_at: i64,
    /// When it is or was due, where not at once.
    #[schema(required)]
    run_at: Option<i64>,
    updated_at: i64,
    #[schema(required)]
    completed_at: Option<i64>,
    #[schema(required)]
    dedupe_key: Option<String>,
    /// W3C trace context of the request that caused it.
    #[schema(required)]
    traceparent: Option<String>,
    schema_version: u32,
    /// Lives that ended among the dead letters, oldest first; the last ten.
    #[schema(nullable = false)]
    history: Option<Vec<EarlierLife>>,
    /// How often it came back from the dead letters by itself.
    #[schema(nullable = false)]
    recoveries: Option<u32>,
    /// What became of its mails; of a webhook its attempts, the newest first, or the jobs it was split into.
    #[schema(nullable = false)]
    deliveries: Option<Vec<Delivery>>,
}

/// What became of one mail or webhook.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Delivery {
    Mail(MailDelivery),
    Attempt(WebhookAttempt),
    Split(WebhookSplit),
}

/// One attempt at a webhook's delivery.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct WebhookAttempt {
    /// When it began.
    at: i64,
    job_id: String,
    /// Which of the job's attempts.
    attempt: u32,
    /// The same on every attempt, and where it is sent again.
    webhook_id: String,
    event: String,
    /// What the server answered; null where it did not.
    #[schema(required)]
    status: Option<u16>,
    /// How long it took.
    ms: u64,
    /// The first KiB of its answer.
    answer: String,
    /// Why it is no delivery.
    #[schema(required)]
    error: Option<String>,
}

/// The job that tells one endpoint.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct WebhookSplit {
    endpoint: String,
    job_id: String,
}

/// What became of one mail.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct MailDelivery {
    /// To whom, masked.
    #[schema(required)]
    to: Option<String>,
    /// How it stands.
    #[schema(required)]
    status: Option<MailStatus>,
    #[schema(nullable = false)]
    sent_at: Option<i64>,
    #[schema(nullable = false)]
    delayed_at: Option<i64>,
    /// Not sent: the address bounced or complained before.
    #[schema(nullable = false)]
    suppressed_at: Option<i64>,
    #[schema(nullable = false)]
    failed_at: Option<i64>,
    #[schema(nullable = false)]
    delivered_at: Option<i64>,
    #[schema(nullable = false)]
    opened_at: Option<i64>,
    #[schema(nullable = false)]
    bounced_at: Option<i64>,
    #[schema(nullable = false)]
    complained_at: Option<i64>,
    /// The provider's word for it.
    #[schema(nullable = false)]
    why: Option<String>,
    /// The provider's name of the mail.
    #[schema(nullable = false)]
    message_id: Option<String>,
}

/// A life that ended among the dead letters.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct EarlierLife {
    died_at: i64,
    attempt_count: u32,
    #[schema(required)]
    last_error: Option<String>,
    #[schema(nullable = false)]
    error_kind: Option<FailureKind>,
}

/// What is to be worked off.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"action": "process-batch", "limit": 5}))]
pub(super) enum ProcessRequest {
    /// All types in turn, or those that are named, until nothing is due or the time is over.
    ProcessBatch {
        #[schema(minimum = 1, maximum = 250)]
        limit: Option<u32>,
        #[schema(min_items = 1)]
        types: Option<Vec<JobType>>,
    },
    /// One type, until nothing of it is due or the time is over.
    ProcessType {
        #[schema(rename = "type")]
        job_type: JobType,
        #[schema(minimum = 1, maximum = 250)]
        limit: Option<u32>,
    },
    /// One job.
    ProcessNext {
        #[schema(rename = "type")]
        job_type: JobType,
        #[schema(minimum = 1, maximum = 250)]
        limit: Option<u32>,
    },
}

/// What a run of the processor did.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Report {
    /// Jobs whose attempt ended.
    processed: u64,
    completed: u64,
    /// Will be tried again.
    retried: u64,
    dead_lettered: u64,
    /// Given back untried, at no cost.
    released: u64,
    duration_ms: u64,
    /// Whether another run would find work at once.
    more: bool,
    by_type: BTreeMap<String, ReportOfType>,
}

/// The same of one type.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ReportOfType {
    processed: u64,
    completed: u64,
    retried: u64,
    dead_lettered: u64,
    released: u64,
}

/// Ready jobs by type, and what else there is.
#[derive(Deserialize, ToSchema)]
pub(super) struct Statistics {
    send_release_email: u64,
    send_refund_email: u64,
    send_dispute_email: u64,
    send_payment_confirmed_email: u64,
    stripe_capture_payment: u64,
    stripe_refund_payment: u64,
    webhook_escrow_status_changed: u64,
    notify_dispute_resolved: u64,
    audit_log_created: u64,
    dead_letter: u64,
    /// Held by processors.
    processing: u64,
    /// Delayed, or between two attempts.
    waiting: u64,
    #[schema(rename = "processingByType")]
    processing_by_type: BTreeMap<String, u64>,
    /// How long the oldest due job has been so, in ms.
    #[schema(rename = "oldestDueAgeMs", required)]
    oldest_due_age_ms: Option<u64>,
    /// `type:event` to how often.
    counters: BTreeMap<String, u64>,
}

/// Statistics for operators; for a cron, what its run did.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum StatisticsOrReport {
    Statistics(Statistics),
    Report(Report),
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct JobPath {
    /// The job.
    #[param(pattern = "^[A-Za-z0-9._:-]{1,200}$", example = "job-1795505453667-hd1ugjjma")]
    id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct EnqueueHeader {
    /// Stands for the `dedupeKey` of each job that has none; in a list with `:` and the job's index behind it. Bare, or in double quotes.
    #[param(
        rename = "Idempotency-Key",
        nullable = false,
        pattern = r#"^("[A-Za-z0-9._:-]{1,200}"|[A-Za-z0-9._:-]{1,200})$"#,
        max_length = 202
    )]
    key: Option<String>,
}

/// Enqueues one job or many. With a `dedupeKey` each, or an `Idempotency-Key`, the same call within the hour is answered with the first one's jobs.
#[utoipa::path(post, path = "/api/jobs/enqueue", tag = "jobs", operation_id = "enqueueJobs", params(EnqueueHeader), request_body = EnqueueRequest,
    security(("processor" = [])), responses((status = 201, description = "What became of each", body = EnqueueAnswer), Operators, Anyone))]
pub(super) fn enqueue() {}

/// Shows one job. Completed ones are kept for 24 hours, dead letters for 7 days.
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs", operation_id = "showJob", params(JobPath), security(("processor" = [])), responses(
    (status = 200, description = "The job", body = Job),
    (status = 401, description = "No processor token, or another one", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The id is not of its form", body = Problem, content_type = "application/problem+json"), Anyone))]
pub(super) fn status() {}

/// Takes a job back while nobody works on it.
#[utoipa::path(delete, path = "/api/jobs/{id}", tag = "jobs", operation_id = "cancelJob", params(JobPath), security(("processor" = [])), responses(
    (status = 200, description = "The job, cancelled", body = Job),
    (status = 401, description = "No processor token, or another one", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "A processor holds it, or its life is over", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The id is not of its form", body = Problem, content_type = "application/problem+json"), Anyone))]
pub(super) fn take_back() {}

/// Works off what is due, inside the time box. With the cron's secret the body is not read: all types are worked off.
#[utoipa::path(post, path = "/api/jobs/process", tag = "jobs", operation_id = "processJobs", request_body = ProcessRequest,
    security(("processor" = []), ("cron" = [])), responses((status = 200, description = "What the run did", body = Report), Operators, Anyone))]
pub(super) fn process() {}

/// Shows statistics. With the cron's secret it works off what is due: Vercel's cron can only send GET.
#[utoipa::path(get, path = "/api/jobs/process", tag = "jobs", operation_id = "showStatistics", security(("processor" = []), ("cron" = [])),
    responses((status = 200, description = "Statistics, or what the cron's run did", body = StatisticsOrReport),
    (status = 401, description = "Neither the processor token nor the cron's secret", body = Problem, content_type = "application/problem+json"), Anyone))]
pub(super) fn statistics() {}
