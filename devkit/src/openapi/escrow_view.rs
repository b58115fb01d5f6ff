//! How an escrow is shown.

#![allow(
    dead_code,
    clippy::struct_field_names,
    reason = "only the forms are used: the macros make the document of them"
)]

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;

use super::words::{EscrowOperation, EscrowState, JobStatus, JobType};

/// An escrow.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Escrow {
    escrow_id: String,
    status: EscrowState,
    /// Whose it is.
    partner: String,
    /// Minor units asked for.
    amount: i64,
    /// ISO 4217, in lower case.
    currency: String,
    amounts: Amounts,
    buyer_email: String,
    seller_email: String,
    #[schema(required)]
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    /// Stripe's id.
    #[schema(required)]
    payment_intent_id: Option<String>,
    /// For Stripe's page; in the answer to the creation, and later only while nothing is paid.
    #[schema(nullable = false)]
    client_secret: Option<String>,
    /// When the bank's promise ends, in ms.
    #[schema(required)]
    capture_before: Option<i64>,
    refunds: Vec<Refund>,
    chargebacks: Vec<Chargeback>,
    /// Why the last operation or payment did not succeed.
    #[schema(required)]
    last_failure: Option<PaymentFailure>,
    /// What this caller may do next.
    possible: Vec<EscrowOperation>,
    /// What moved it, oldest first.
    history: Vec<HistoryEntry>,
    /// The jobs it caused, oldest first.
    jobs: Vec<JobOfEscrow>,
    /// How often it was written.
    version: u64,
    created_at: i64,
    updated_at: i64,
}

/// An escrow, and what became of its jobs.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct EscrowWithJobs {
    #[serde(flatten)]
    escrow: Escrow,
    job_statuses: Vec<StatusOfJob>,
}

/// Whose the money is: held = released + refunded + remaining, always.
#[derive(Deserialize, ToSchema)]
pub(super) struct Amounts {
    #[schema(minimum = 0)]
    held: i64,
    #[schema(minimum = 0)]
    released: i64,
    #[schema(minimum = 0)]
    refunded: i64,
    #[schema(minimum = 0)]
    remaining: i64,
}

/// Money given back after it was captured.
#[derive(Deserialize, ToSchema)]
pub(super) struct Refund {
    id: String,
    amount: i64,
    status: RefundStatus,
}

/// How far a refund is.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

/// The buyer's objection at the bank.
#[derive(Deserialize, ToSchema)]
pub(super) struct Chargeback {
    id: String,
    amount: i64,
    status: ChargebackStatus,
}

/// How a chargeback stands.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum ChargebackStatus {
    Open,
    Won,
    Lost,
}

/// Why an operation or a payment did not succeed.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct PaymentFailure {
    /// The status of Stripe's answer.
    #[schema(required)]
    status: Option<u16>,
    #[schema(required)]
    code: Option<String>,
    #[schema(required)]
    decline_code: Option<String>,
}

/// One move, or something learnt.
#[derive(Deserialize, ToSchema)]
pub(super) struct HistoryEntry {
    /// The version it made.
    version: u64,
    at: i64,
    operation: EscrowOperation,
    #[schema(required)]
    from: Option<EscrowState>,
    to: EscrowState,
    /// `partner`, `admin`, `fallback` or `stripe`.
    by: String,
    #[schema(nullable = false)]
    amount: Option<i64>,
    #[schema(nullable = false)]
    reason: Option<String>,
    #[schema(nullable = false)]
    failure: Option<PaymentFailure>,
}

/// A job that an escrow caused.
#[derive(Deserialize, ToSchema)]
pub(super) struct JobOfEscrow {
    id: String,
    #[schema(rename = "type")]
    job_type: JobType,
}

/// Where a job of an escrow is in its life.
#[derive(Deserialize, ToSchema)]
pub(super) struct StatusOfJob {
    id: String,
    #[schema(rename = "type")]
    job_type: JobType,
    /// Null once the time for which the job is kept is over.
    #[schema(required)]
    status: Option<JobStatus>,
}
