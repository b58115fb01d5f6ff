//! What can be seen at Stripe, by whoever looks or is told.

use super::{Chargeback, ClientSecret, Failure, Refund};
use crate::domain::millis::Millis;

/// Something seen at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The payment.
    Payment(PaymentSeen),
    /// A refund of it.
    Refund(RefundSeen),
    /// An objection at the bank.
    Dispute(DisputeSeen),
    /// Stripe refused, for good, the operation with this key.
    Refused {
        /// The idempotency key.
        key: String,
        /// Why.
        failure: Failure,
    },
}

/// A payment as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentSeen {
    /// Stripe's id.
    pub intent_id: String,
    /// Where it was in its life.
    pub status: PaymentStatus,
    /// What was captured.
    pub received: i64,
    /// What else was told.
    pub client_secret: Option<ClientSecret>,
    /// The charge.
    pub charge_id: Option<String>,
    /// The end of the authorisation.
    pub capture_before: Option<Millis>,
    /// Whether it ended because the authorisation ran out.
    pub ran_out: bool,
    /// Why the last attempt to pay failed.
    pub failure: Option<Failure>,
}

/// Where a payment was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Nothing is paid.
    #[default]
    Unpaid,
    /// The money is held.
    Held,
    /// It is captured.
    Captured,
    /// It ended without money.
    Cancelled,
}

/// A refund as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundSeen {
    /// The refund.
    pub refund: Refund,
}

/// A dispute as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeSeen {
    /// The dispute.
    pub chargeback: Chargeback,
}
