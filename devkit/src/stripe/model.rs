//! What the sandbox keeps of each object.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::card::Card;

/// A payment, from its creation to its end.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: IntentStatus,
    pub(super) manual_capture: bool,
    pub(super) amount_capturable: i64,
    pub(super) amount_received: i64,
    pub(super) client_secret: String,
    pub(super) payment_method: Option<PaymentMethod>,
    pub(super) latest_charge: Option<String>,
    pub(super) last_payment_error: Option<Value>,
    pub(super) canceled_at: Option<i64>,
    pub(super) cancellation_reason: Option<String>,
    pub(super) texts: Texts,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) payment_method_types: Vec<String>,
    /// `allow_redirects` of `automatic_payment_methods`, where these are enabled.
    pub(super) automatic: Option<String>,
    pub(super) return_url: Option<String>,
    pub(super) ledger: LedgerEntry,
}

/// What a caller says about a payment for others to read.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub(super) description: Option<String>,
    pub(super) receipt_email: Option<String>,
    pub(super) transfer_group: Option<String>,
    pub(super) statement_descriptor: Option<String>,
    pub(super) statement_descriptor_suffix: Option<String>,
}

/// A test card under an id of its own, as Stripe gives it out for a token.
#[derive(Clone, Debug)]
pub(super) struct PaymentMethod {
    pub(super) id: String,
    pub(super) card: &'static Card,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Succeeded,
    Canceled,
}

impl IntentStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// One attempt to take money.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) card: &'static Card,
    pub(super) payment_method: String,
    pub(super) captured: bool,
    pub(super) amount_captured: i64,
    /// Given back by refunds; what a capture in part or a cancellation set free does not count.
    pub(super) amount_refunded: i64,
    /// Whether its hold ended without a capture.
    pub(super) released: bool,
    /// The end of the authorisation, for a charge to be captured later.
    pub(super) capture_before: Option<i64>,
    pub(super) failure: Option<super::card::Decline>,
    pub(super) dispute: Option<String>,
    pub(super) texts: Texts,
    pub(super) metadata: BTreeMap<String, String>,
}

/// Money given back after it was captured.
#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: RefundStatus,
    pub(super) reason: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

impl RefundStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A customer's objection to a charge.
#[derive(Clone, Debug)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) outcome: Option<DisputeOutcome>,
}

/// How a dispute ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeOutcome {
    /// For the merchant: the money stays.
    Won,
    /// For the customer: the money goes back.
    Lost,
}

/// What was done to one payment, counted by the sandbox itself and never set back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// Authorisations that succeeded, those captured at once included.
    pub authorisations: u32,
    /// Attempts the card declined.
    pub declines: u32,
    /// Captures.
    pub captures: u32,
    /// Captured in all, in minor units.
    pub captured: i64,
    /// Refunds made, failed ones included.
    pub refunds: u32,
    /// Refunded in all, in minor units; a refund that failed is taken off again.
    pub refunded: i64,
    /// Cancellations.
    pub cancels: u32,
}
