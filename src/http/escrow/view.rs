//! An escrow as its partner sees it, and what a refusal of Stripe's looks like.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

use super::enter::kept;
use crate::domain::escrow::Role;
use crate::domain::escrow::{
    Amounts, Chargeback, ClientSecret, Entry, Escrow, Failure, JobRef, Operation, RefundStatus, State, possible,
};
use crate::domain::id::{EscrowId, PartnerId};
use crate::domain::millis::Millis;
use crate::domain::money::Currency;
use crate::escrow::{Answer, Ending};
use crate::http::ApiError;

/// An escrow as its partner sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EscrowView<'a> {
    escrow_id: &'a EscrowId,
    status: State,
    partner: &'a PartnerId,
    amount: i64,
    currency: Currency,
    amounts: Amounts,
    buyer_email: &'a str,
    seller_email: &'a str,
    description: Option<&'a str>,
    metadata: &'a BTreeMap<String, String>,
    payment_intent_id: Option<&'a str>,
    /// In the answer to the creation, and later only while it can still be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a ClientSecret>,
    capture_before: Option<Millis>,
    refunds: Vec<RefundView<'a>>,
    chargebacks: &'a [Chargeback],
    last_failure: Option<&'a Failure>,
    /// What may be done next, by this caller.
    possible: Vec<Operation>,
    history: Vec<EntryView<'a>>,
    jobs: &'a [JobRef],
    version: u64,
    created_at: Millis,
    updated_at: Millis,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundView<'a> {
    id: &'a str,
    amount: i64,
    status: RefundStatus,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryView<'a> {
    version: u64,
    at: Millis,
    operation: Operation,
    from: Option<State>,
    to: State,
    by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
}

impl<'a> EscrowView<'a> {
    /// Shows an escrow to a caller of `role`.
    pub(super) fn new(escrow: &'a Escrow, role: Role) -> Self {
        let payment = &escrow.payment;
        let refunds = escrow.refunds.iter();
        Self {
            escrow_id: &escrow.id,
            status: escrow.state,
            partner: &escrow.partner,
            amount: escrow.amount,
            currency: escrow.currency,
            amounts: escrow.amounts(),
            buyer_email: escrow.buyer_email.expose(),
            seller_email: escrow.seller_email.expose(),
            description: escrow.description.as_deref(),
            metadata: &escrow.metadata,
            payment_intent_id: payment.intent_id.as_deref(),
            client_secret: payment.client_secret.as_ref().filter(|_| escrow.state == State::Created),
            capture_before: payment.capture_before,
            refunds: refunds.map(|one| RefundView { id: &one.id, amount: one.amount, status: one.status }).collect(),
            chargebacks: &escrow.chargebacks,
            last_failure: escrow.last_failure.as_ref(),
            possible: possible(escrow.state, role),
            history: escrow.history.iter().map(EntryView::new).collect(),
            jobs: &escrow.jobs,
            version: escrow.version,
            created_at: escrow.created_at,
            updated_at: escrow.updated_at,
        }
    }

    /// Writes it as JSON.
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl<'a> EntryView<'a> {
    fn new(entry: &'a Entry) -> Self {
        Self {
            version: entry.version,
            at: entry.at,
            operation: entry.operation,
            from: entry.from,
            to: entry.to,
            by: &entry.by,
            amount: entry.amount,
            reason: entry.reason.as_deref(),
            failure: entry.failure.as_ref(),
        }
    }
}

/// Makes the answer to an operation that has ended.
pub(super) fn ended(ending: Ending<'_>, success: StatusCode, role: Role, request_id: &str) -> Answer {
    match ending {
        Ending::Done(escrow) => {
            let mut view = EscrowView::new(escrow, role);
            if success == StatusCode::CREATED {
                // A caller that confirms at once may still hand it to a page that follows the payment.
                view.client_secret = escrow.payment.client_secret.as_ref();
            }
            let body = view.to_json();
            Answer { status: success.as_u16(), body: String::from_utf8_lossy(&body).into_owned() }
        }
        Ending::Refused(escrow, failure) => kept(refused(escrow, failure), request_id),
    }
}

fn refused(escrow: &Escrow, failure: &Failure) -> ApiError {
    let (status, code, detail) = match failure.status {
        Some(402) => (StatusCode::PAYMENT_REQUIRED, "payment_declined", "the bank declined; no money moved"),
        Some(401 | 403) => (
            StatusCode::BAD_GATEWAY,
            "payment_provider_refused_us",
            "Stripe did not accept this service's key; no money moved",
        ),
        None => (StatusCode::CONFLICT, "refund_failed", "the money came back from the buyer's bank"),
        Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, "payment_refused", "Stripe refused; this request moved no money"),
    };
    let mut error = ApiError::new(status, code, detail).with("escrowId", &escrow.id).with("state", escrow.state);
    if let Some(code) = &failure.code {
        error = error.with("stripeCode", code);
    }
    if let Some(decline) = &failure.decline_code {
        error = error.with("declineCode", decline);
    }
    if let (State::Created, Some(secret)) = (escrow.state, &escrow.payment.client_secret) {
        error = error.with("clientSecret", secret).with("paymentIntentId", &escrow.payment.intent_id);
    }
    error
}
