//! The routes of escrows.

#![allow(dead_code, reason = "only the forms are used: the macros make the document of them")]

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::escrow_view::{Escrow, EscrowWithJobs};
use super::problem::{Anyone, Operations, Partners, Problem};

/// What every POST of a partner has.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct Once {
    /// The caller's name for the request, bare or in double quotes. Sent again with it, the request gets the first answer and nothing
    /// happens twice.
    #[param(
        rename = "Idempotency-Key",
        pattern = r##"^("[!#-~]{1,255}"|[!#-~]{1,255})$"##,
        max_length = 257,
        example = "order-17"
    )]
    idempotency_key: String,
}

/// A payment to be held.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(rename_all = "camelCase", example = json!({"amount": 10000, "currency": "usd", "buyerEmail": "buyer@example.com",
    "sellerEmail": "seller@example.com", "description": "A bicycle", "metadata": {}, "paymentMethod": "pm_card_visa"}))]
pub(super) struct CreateRequest {
    /// Minor units; a multiple of 10 in currencies of three decimals, of 100 in ISK and UGX.
    #[schema(minimum = 1, maximum = 99_999_999)]
    amount: i64,
    /// ISO 4217, in either case.
    #[schema(pattern = "^[A-Za-z]{3}$")]
    currency: String,
    /// Who pays.
    #[schema(format = Email, max_length = 254)]
    buyer_email: String,
    /// Who is paid.
    #[schema(format = Email, max_length = 254)]
    seller_email: String,
    /// What it is for; the buyer may see it.
    #[schema(max_length = 500, pattern = "^[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]*$")]
    description: Option<String>,
    /// Notes of the partner's: at most 20, names of at most 40 characters, texts of at most 500.
    metadata: Option<BTreeMap<String, String>>,
    /// With a payment method the payment is confirmed at once; without, the answer's `clientSecret` is for Stripe's page.
    #[schema(pattern = "^pm_[A-Za-z0-9_]{1,200}$")]
    payment_method: Option<String>,
}

/// The seller gets the money.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(rename_all = "camelCase", example = json!({"escrowId": "esc_ravfva5avoj79zr2qidc"}))]
pub(super) struct ReleaseRequest {
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
    escrow_id: String,
    /// So much; the rest goes back to the buyer, since a payment is captured once. All of it where absent.
    #[schema(minimum = 1)]
    amount: Option<i64>,
}

/// The buyer gets money back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(rename_all = "camelCase", example = json!({"escrowId": "esc_ravfva5avoj79zr2qidc", "reason": "sent back"}))]
pub(super) struct RefundRequest {
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
    escrow_id: String,
    /// So much of what the seller has. What is still held goes back whole. All of it where absent.
    #[schema(minimum = 1)]
    amount: Option<i64>,
    /// Why, for the buyer's mail.
    #[schema(max_length = 500, pattern = "^[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]*$")]
    reason: Option<String>,
}

/// A party objects, or the payment is called off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(rename_all = "camelCase", example = json!({"escrowId": "esc_ravfva5avoj79zr2qidc", "reason": "the lamp is broken"}))]
pub(super) struct ReasonRequest {
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
    escrow_id: String,
    /// Why, for the parties' mails.
    #[schema(max_length = 500, pattern = "^[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]*$")]
    reason: Option<String>,
}

/// An objection is decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(rename_all = "camelCase", example = json!({"escrowId": "esc_ravfva5avoj79zr2qidc", "resolution": "split", "releaseAmount": 3000}))]
pub(super) struct ResolveRequest {
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,200}$")]
    escrow_id: String,
    resolution: Resolution,
    /// What the seller gets where it is split; the rest goes back to the buyer.
    #[schema(minimum = 1)]
    release_amount: Option<i64>,
    /// Why.
    #[schema(max_length = 500, pattern = "^[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]*$")]
    reason: Option<String>,
}

/// How an objection ends.
#[derive(Deserialize, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Resolution {
    Release,
    Refund,
    Split,
}

/// Creates an escrow and its payment at Stripe.
#[utoipa::path(post, path = "/api/escrow/create", tag = "escrow", operation_id = "createEscrow", params(Once), request_body = CreateRequest,
    security(("apiKey" = [])), responses((status = 201, description = "The escrow and its payment", body = Escrow), (status = 202, body = Escrow,
    description = "Stripe's answer was lost: repeat the request with its key, or look again"), Partners, Operations, Anyone))]
pub(super) fn create() {}

/// Pays the seller.
#[utoipa::path(post, path = "/api/escrow/release", tag = "escrow", operation_id = "releaseEscrow", params(Once), request_body = ReleaseRequest,
    security(("apiKey" = [])), responses((status = 200, description = "The escrow, released", body = Escrow), (status = 202, body = Escrow,
    description = "Stripe's answer was lost: it is finished within a minute or two"), Partners, Operations, Anyone))]
pub(super) fn release() {}

/// Gives the buyer money back. Needs the role admin.
#[utoipa::path(post, path = "/api/escrow/refund", tag = "escrow", operation_id = "refundEscrow", params(Once), request_body = RefundRequest,
    security(("apiKey" = [])), responses((status = 200, description = "The escrow, refunded", body = Escrow), (status = 202, body = Escrow,
    description = "Stripe's answer was lost: it is finished within a minute or two"), Partners, Operations, Anyone))]
pub(super) fn refund() {}

/// Objects to a payment that is held: only a resolution moves the money then.
#[utoipa::path(post, path = "/api/escrow/dispute", tag = "escrow", operation_id = "disputeEscrow", params(Once), request_body = ReasonRequest,
    security(("apiKey" = [])), responses((status = 200, description = "The escrow, disputed", body = Escrow), Partners, Operations, Anyone))]
pub(super) fn dispute() {}

/// Decides an objection. Needs the role admin.
#[utoipa::path(post, path = "/api/escrow/resolve", tag = "escrow", operation_id = "resolveEscrow", params(Once), request_body = ResolveRequest,
    security(("apiKey" = [])), responses((status = 200, description = "The escrow, resolved", body = Escrow), (status = 202, body = Escrow,
    description = "Stripe's answer was lost: it is finished within a minute or two"), Partners, Operations, Anyone))]
pub(super) fn resolve() {}

/// Ends an escrow that nobody has paid yet.
#[utoipa::path(post, path = "/api/escrow/cancel", tag = "escrow", operation_id = "cancelEscrow", params(Once), request_body = ReasonRequest,
    security(("apiKey" = [])), responses((status = 200, description = "The escrow, cancelled", body = Escrow), (status = 202, body = Escrow,
    description = "Stripe's answer was lost: it is finished within a minute or two"), Partners, Operations, Anyone))]
pub(super) fn cancel() {}

/// Shows an escrow with its history and what became of its jobs.
#[utoipa::path(get, path = "/api/escrow/{id}", tag = "escrow", operation_id = "showEscrow",
    params(("id" = String, Path, pattern = "^[A-Za-z0-9._:-]{1,200}$", example = "esc_ravfva5avoj79zr2qidc")),
    security(("apiKey" = [])), responses((status = 200, description = "The escrow", body = EscrowWithJobs),
    (status = 401, description = "No API key, or one that is not known", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such escrow, or it is another partner's", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "The API key's calls of this minute are used up", body = Problem, content_type = "application/problem+json"),
    Anyone))]
pub(super) fn show() {}
