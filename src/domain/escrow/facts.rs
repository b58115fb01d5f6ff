//! What is known of an escrow's payment at Stripe. Facts only ever grow, so the order in which they are learnt does not matter.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::amounts::{stored, stored_or_none};
use crate::domain::millis::Millis;

/// The payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Payment {
    /// Stripe's id, `pi_...`.
    pub intent_id: Option<String>,
    /// Lets the buyer's browser pay.
    pub client_secret: Option<ClientSecret>,
    /// The payment method it is paid with at once.
    pub method: Option<String>,
    /// Stripe's id of the charge, `ch_...`.
    pub charge_id: Option<String>,
    /// When the authorisation ends.
    pub capture_before: Option<Millis>,
    /// Whether the money was ever held.
    pub authorized: bool,
    /// What was captured; the rest went back.
    #[serde(deserialize_with = "stored_or_none")]
    pub captured: Option<i64>,
    /// Whether it ended without money.
    pub cancelled: bool,
    /// Whether it ended because the authorisation ran out.
    pub ran_out: bool,
}

/// Stripe's secret of one payment: whoever has it may pay it. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientSecret(String);

/// Money given back after it was captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// Stripe's id, `re_...`.
    pub id: String,
    /// Minor units.
    #[serde(deserialize_with = "stored")]
    pub amount: i64,
    /// How far it is.
    pub status: RefundStatus,
    /// The idempotency key it was made under, where it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How far a refund is. The later of two is the one that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// The bank has it.
    Succeeded,
    /// It came back: the money is with us again.
    Failed,
}

/// The buyer's objection at the bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chargeback {
    /// Stripe's id, `dp_...`.
    pub id: String,
    /// Minor units in question.
    #[serde(deserialize_with = "stored")]
    pub amount: i64,
    /// How it stands.
    pub status: ChargebackStatus,
}

/// How a chargeback stands. The later of two is the one that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargebackStatus {
    /// Not decided.
    Open,
    /// Decided for the seller.
    Won,
    /// Decided for the buyer.
    Lost,
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Payment {
    /// Tells whether Stripe will not move the payment any more, but for refunds.
    pub fn is_settled(&self) -> bool {
        self.captured.is_some() || self.cancelled
    }
}
